//! Checks as JUnit XML, in the form that CI systems read:
//! `testsuites/testsuite/testcase/failure`, times in seconds, texts XML 1.0 (<https://www.w3.org/TR/xml/#charsets>).

use std::fmt::Write;
use std::time::Duration;

use crate::event::{CheckOutcome, CheckReport};

use super::{Paint, failure};

/// The checks as a JUnit document with one suite of that name.
#[must_use]
pub fn junit(reports: &[CheckReport], suite: &str) -> String {
    let failed = reports.iter().filter(|report| report.outcome() == CheckOutcome::Failed).count();
    let skipped = reports.iter().filter(|report| report.skipped.is_some()).count();
    let took: Duration = reports.iter().map(|report| report.took).sum();
    let suite = attribute(suite);
    let counts =
        format!(r#"tests="{}" failures="{failed}" errors="0" skipped="{skipped}" time="{:.3}""#, reports.len(), took.as_secs_f64());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{suite}\" {counts}>\n  <testsuite name=\"{suite}\" {counts}>\n"
    );
    for report in reports {
        // writing into a String cannot fail
        let _ = case(&mut xml, report, &suite);
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn case(xml: &mut String, report: &CheckReport, suite: &str) -> std::fmt::Result {
    let (name, kind) = (attribute(&report.name), attribute(&report.kind));
    let took = report.took.as_secs_f64();
    write!(xml, r#"    <testcase name="{name}" classname="{suite}.{kind}" time="{took:.3}""#)?;
    match report.outcome() {
        CheckOutcome::Passed => return xml.write_str("/>\n"),
        CheckOutcome::Skipped(reason) => {
            return write!(xml, ">\n      <skipped message=\"{}\"/>\n    </testcase>\n", attribute(reason));
        }
        CheckOutcome::Failed => {}
    }
    let differs = format!("expected {}, seen {}", report.expected, report.seen);
    let message = attribute(report.failure.as_ref().map_or(&differs, |failure| &failure.what));
    let why = report.failure.as_ref().map(|why| failure(why, Paint { color: false, unicode: true })).unwrap_or_default();
    let body = text(&format!("{differs}\n{why}"));
    write!(xml, ">\n      <failure message=\"{message}\" type=\"{kind}\">{}</failure>\n    </testcase>\n", body.trim_end())
}

/// Text between tags.
fn text(raw: &str) -> String {
    escaped(raw, false)
}

/// Text between double quotes; line breaks and tabs as references, since a parser makes them spaces otherwise.
fn attribute(raw: &str) -> String {
    escaped(raw, true)
}

fn escaped(raw: &str, quoted: bool) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in console::strip_ansi_codes(raw).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' if quoted => safe.push_str("&#10;"),
            '\t' if quoted => safe.push_str("&#9;"),
            '\r' => safe.push_str("&#13;"),
            '\n' | '\t' => safe.push(c),
            // forbidden even as a reference; C1 is allowed but controls terminals that show the report
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::recorded;

    /// Follows tags, attributes and references as strictly as XML 1.0 asks; gives the names of the elements.
    fn parse(xml: &str) -> Result<Vec<String>, String> {
        let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("no declaration")?;
        let (mut open, mut seen) = (Vec::new(), Vec::new());
        if let Some(c) = rest.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(format!("forbidden {c:?}"));
        }
        while let Some(start) = rest.find('<') {
            characters(&rest[..start])?;
            let end = rest.find('>').ok_or("a tag without end")?;
            let tag = &rest[start + 1..end];
            rest = &rest[end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop().as_deref() != Some(name) {
                    return Err(format!("</{name}> closes nothing"));
                }
                continue;
            }
            let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            while !attributes.is_empty() {
                let (key, after) = attributes.split_once("=\"").ok_or("an attribute without value")?;
                let (value, after) = after.split_once('"').ok_or("a value without end")?;
                if !key.chars().all(char::is_alphabetic) || value.contains(['<', '\n', '\t']) {
                    return Err(format!("attribute {key}={value}"));
                }
                characters(value)?;
                attributes = after.trim_start();
            }
            seen.push(name.to_owned());
            if !empty {
                open.push(name.to_owned());
            }
        }
        if open.is_empty() { Ok(seen) } else { Err(format!("left open: {open:?}")) }
    }

    fn characters(text: &str) -> Result<(), String> {
        for part in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#10;", "#9;", "#13;"];
            if !known.iter().any(|name| part.starts_with(name)) {
                return Err(format!("&{part}"));
            }
        }
        Ok(())
    }

    #[test]
    fn a_ci_system_finds_suites_cases_and_failures() {
        let xml = junit(&recorded::checks(), "task-api");
        assert_eq!(parse(&xml).unwrap(), ["testsuites", "testsuite", "testcase", "testcase", "failure"]);
        insta::assert_snapshot!(xml, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="task-api" tests="2" failures="1" errors="0" skipped="0" time="2.381">
          <testsuite name="task-api" tests="2" failures="1" errors="0" skipped="0" time="2.381">
            <testcase name="https" classname="task-api.http" time="0.041"/>
            <testcase name="anonymous-limit" classname="task-api.rateLimit" time="2.340">
              <failure message="the rate limit did not hold: no request got 429" type="rateLimit">expected 100 x 200, 10 x 429, seen 110 x 200
        error: the rate limit did not hold: no request got 429
          BackendTrafficPolicy task-api/task-api-protection: Accepted=False
            │ spec.rateLimit: &lt;global&gt; needs Redis

        help: read its status: kubectl -n task-api describe btp task-api-protection</failure>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn no_checks_are_an_empty_suite() {
        assert_eq!(parse(&junit(&[], "x")).unwrap(), ["testsuites", "testsuite"]);
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed_xml(text in "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}<>&\"']|\\]\\]>|\u{ffff}){0,30}") {
            let mut reports = recorded::checks();
            reports[1].name.clone_from(&text);
            reports[1].seen.clone_from(&text);
            reports[1].failure = Some(crate::failure::Failure::step(text.clone()).why(text.clone()));
            let xml = junit(&reports, &text);
            prop_assert!(parse(&xml).is_ok(), "{:?}: {}", parse(&xml), xml);
        }
    }
}
