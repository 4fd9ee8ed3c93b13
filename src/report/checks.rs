//! Checks as a table.

use std::fmt::Write;
use std::time::Duration;

use crate::event::{CheckOutcome, CheckReport};

use super::text::neutralise;
use super::{Paint, duration, failure, plural, table};

/// The checks as aligned columns, each that failed followed by why and what to do, then the count.
/// `took` is the time of them all, which is less than the sum where some ran at once.
#[must_use]
pub fn checks(reports: &[CheckReport], took: Duration, width: Option<usize>, paint: Paint) -> String {
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|report| {
            let (expected, seen, took) = match report.outcome() {
                CheckOutcome::Skipped(reason) => ("not made here", reason, String::new()),
                _ => (report.expected.as_str(), report.seen.as_str(), paint.dim(&duration(report.took))),
            };
            let mark = paint.outcome(report.outcome());
            vec![mark, neutralise(&report.name), neutralise(&report.kind), neutralise(expected), neutralise(seen), took]
        })
        .collect();
    let mut lines = table::lines(&["", "check", "kind", "expected", "seen", "time "], &rows, width, paint).into_iter();
    let mut text = lines.next().map(|head| head + "\n").unwrap_or_default();
    for (line, report) in lines.zip(reports) {
        let _ = writeln!(text, "{line}");
        if let Some(why) = &report.failure {
            let indent = " ".repeat(paint.mark_width() + 2);
            for line in failure(why, paint).lines() {
                text += format!("{indent}{line}").trim_end();
                text.push('\n');
            }
            text.push('\n');
        }
    }
    let passed = reports.iter().filter(|report| report.outcome() == CheckOutcome::Passed).count();
    let failed = reports.iter().filter(|report| report.outcome() == CheckOutcome::Failed).count();
    let skipped = match reports.len() - passed - failed {
        0 => String::new(),
        n => format!(", {n} skipped"),
    };
    let count = |n: usize, word: &str, style: fn(Paint, &str) -> String| {
        let text = format!("{n} {word}");
        if n == 0 { text } else { style(paint, &text) }
    };
    let (passed, failed) = (count(passed, "passed", Paint::good), count(failed, "failed", Paint::bad));
    format!(
        "{}\n{}, {passed}, {failed}{skipped} in {}\n",
        text.trim_end_matches('\n').to_owned() + "\n",
        plural(reports.len(), "check"),
        duration(took)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded;

    fn shown(width: Option<usize>) -> String {
        checks(&recorded::checks(), Duration::from_millis(2_381), width, Paint { color: false, unicode: true })
    }

    #[test]
    fn a_check_that_failed_is_followed_by_why() {
        insta::assert_snapshot!(shown(None), @"
           check            kind       expected             seen        time
        ✓  https            http       200                  200        41 ms
        ✗  anonymous-limit  rateLimit  100 x 200, 10 x 429  110 x 200  2.3 s
           error: the rate limit did not hold: no request got 429
             BackendTrafficPolicy task-api/task-api-protection: Accepted=False
               │ spec.rateLimit: <global> needs Redis

           help: read its status: kubectl -n task-api describe btp task-api-protection

        2 checks, 1 passed, 1 failed in 2.4 s
        ");
    }

    #[test]
    fn a_check_that_was_not_made_counts_neither_as_passed_nor_as_failed() {
        let [https, _] = <[CheckReport; 2]>::try_from(recorded::checks()).unwrap();
        let skipped = CheckReport::skip("scaler ready", "condition", "autoscaling needs the Kubernetes API");
        let text = checks(&[https, skipped], Duration::from_millis(41), None, Paint { color: false, unicode: true });
        insta::assert_snapshot!(text, @r"
           check         kind       expected       seen                                   time
        ✓  https         http       200            200                                   41 ms
        –  scaler ready  condition  not made here  autoscaling needs the Kubernetes API

        2 checks, 1 passed, 0 failed, 1 skipped in 41 ms
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_cells() {
        insta::assert_snapshot!(shown(Some(40)).lines().take(3).collect::<Vec<_>>().join("\n"), @"
           check   kind    expec…  seen     time
        ✓  https   http    200     200     41 ms
        ✗  anony…  rateL…  100 x…  110 x…  2.3 s
        ");
        insta::assert_snapshot!(shown(Some(60)).lines().take(3).collect::<Vec<_>>().join("\n"), @"
           check          kind       expected       seen        time
        ✓  https          http       200            200        41 ms
        ✗  anonymous-li…  rateLimit  100 x 200, 1…  110 x 200  2.3 s
        ");
        assert_eq!(shown(Some(120)), shown(None));
    }

    #[test]
    fn checks_are_json_as_they_are() {
        let text = serde_json::to_string(&recorded::checks()[0]).unwrap();
        assert_eq!(text, r#"{"name":"https","kind":"http","passed":true,"expected":"200","seen":"200","took":0.041}"#);
    }
}
