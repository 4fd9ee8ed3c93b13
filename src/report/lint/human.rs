//! What the linter found, for people.

use std::fmt::Write as _;

use crate::lint::{Finding, Severity};
use crate::report::Paint;
use crate::report::text::{neutralise, plural};

/// Characters of a quoted line before and after the place that are shown.
const AROUND: usize = 100;

/// The findings, file by file, and how many there are.
#[must_use]
pub fn lint(findings: &[Finding], files: usize, objects: usize, paint: Paint) -> String {
    let mut text = String::new();
    let mut file = "";
    for finding in findings {
        if !file.is_empty() && file != finding.file {
            text.push('\n');
        }
        file = &finding.file;
        text.push_str(&one(finding, paint));
    }
    if !findings.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", counts(findings, files, objects, paint));
    text
}

/// ```text
/// web.yaml:9:7: error TS210: the weights of all backends are 0, so …
///   │     - backendRefs:
///   │       ^
///   HTTPRoute shop/shop
///   help: Give at least one backend a weight above 0.
/// ```
fn one(finding: &Finding, paint: Paint) -> String {
    let place = paint.bold(&format!("{}:{}:{}:", neutralise(&finding.file), finding.line, finding.column));
    let mut text = format!("{place} {} {}\n", word(finding, paint), neutralise(&finding.message));
    let bar = paint.dim(paint.bar());
    if let Some((line, before)) = quote(finding, paint) {
        let _ = writeln!(text, "  {bar} {line}");
        let _ = writeln!(text, "  {bar} {}{}", " ".repeat(before), paint.bad("^"));
    }
    if !finding.object.is_empty() {
        let _ = writeln!(text, "  {}", paint.dim(&neutralise(&finding.object)));
    }
    let fix = if finding.fix.is_some() { " (--fix does it)" } else { "" };
    let _ = writeln!(text, "  {} {}{fix}", paint.accent("help:"), neutralise(&finding.remedy));
    text
}

fn word(finding: &Finding, paint: Paint) -> String {
    let text = format!("{} {}:", level(finding.severity), finding.rule);
    match finding.severity {
        Severity::Error => paint.bad(&text),
        Severity::Warning => paint.warn(&text),
        Severity::Note => paint.accent(&text),
    }
}

/// The word for a severity.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The line as one that cannot control a terminal, and how many columns are before the place. Of a long line the part around the place.
fn quote(finding: &Finding, paint: Paint) -> Option<(String, usize)> {
    if finding.source.trim().is_empty() {
        return None;
    }
    let at = finding.column.saturating_sub(1);
    let from = at.saturating_sub(AROUND);
    let part: String = finding.source.chars().skip(from).take(2 * AROUND).collect();
    let before: String = part.chars().take(at - from).collect();
    let mark = |cut: bool| if cut { paint.ellipsis() } else { "" };
    let (head, tail) = (mark(from > 0), mark(finding.source.chars().count() > from + 2 * AROUND));
    // blanks at the end of what is before the place count
    let width = console::measure_text_width(head) + console::measure_text_width(neutralise(&format!("{before}|")).trim_end_matches('|'));
    Some((format!("{head}{}{tail}", neutralise(&part)), width))
}

/// `2 errors, 1 warning in 3 files`.
fn counts(findings: &[Finding], files: usize, objects: usize, paint: Paint) -> String {
    let looked = format!("{} in {}", plural(objects, "object"), plural(files, "file"));
    if findings.is_empty() {
        return format!("{} nothing found: {looked}", paint.mark(true));
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let said = |severity, noun: &str| (count(severity) > 0).then(|| plural(count(severity), noun));
    let parts: Vec<String> =
        [said(Severity::Error, "error"), said(Severity::Warning, "warning"), said(Severity::Note, "note")].into_iter().flatten().collect();
    let more = paint.accent(&format!("tstack explain {}", findings[0].rule));
    format!("{} ({looked}); {more} tells more", parts.join(", "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::report::lint) fn finding(file: &str, severity: Severity, source: &str, column: usize) -> Finding {
        Finding {
            rule: "TS210",
            severity,
            file: file.into(),
            line: 9,
            column,
            object: "HTTPRoute shop/shop".into(),
            message: "the weights of all backends are 0".into(),
            remedy: "Give at least one backend a weight above 0.".into(),
            source: source.into(),
            fix: None,
        }
    }

    #[test]
    fn findings_are_shown_file_by_file_with_a_caret_below_the_place() {
        let long = format!("{}x: [{}]", " ".repeat(4), "a, ".repeat(200));
        let all = [
            finding("a.yaml", Severity::Error, "    - backendRefs:", 7),
            finding("a.yaml", Severity::Warning, "\té: \u{1b}[31m1", 5),
            finding("b.yaml", Severity::Note, &long, 300),
        ];
        insta::assert_snapshot!(lint(&all, 2, 1, Paint { color: false, unicode: true }), @"
        a.yaml:9:7: error TS210: the weights of all backends are 0
          │     - backendRefs:
          │       ^
          HTTPRoute shop/shop
          help: Give at least one backend a weight above 0.
        a.yaml:9:5: warning TS210: the weights of all backends are 0
          │  é: 1
          │     ^
          HTTPRoute shop/shop
          help: Give at least one backend a weight above 0.

        b.yaml:9:300: note TS210: the weights of all backends are 0
          │ … a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a…
          │                                                                                                      ^
          HTTPRoute shop/shop
          help: Give at least one backend a weight above 0.

        1 error, 1 warning, 1 note (1 object in 2 files); tstack explain TS210 tells more
        ");
        insta::assert_snapshot!(lint(&[], 1, 3, Paint { color: false, unicode: true }), @"✓ nothing found: 3 objects in 1 file");
    }
}
