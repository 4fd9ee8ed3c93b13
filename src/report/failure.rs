//! A failure as a person reads it: what, the evidence, what to do.

use crate::failure::{Failure, FailureKind};

use super::Paint;
use super::run::Run;
use super::text::{names, neutralise, plural};

/// Lines of one piece of evidence that are shown; the first says what it is and the last are the latest.
const HEAD: usize = 5;
const TAIL: usize = 14;
/// Characters of one line that are shown: a log line may hold a whole JSON document.
const LINE: usize = 400;

/// The text of a failure, ending in a line break.
///
/// ```text
/// error: Deployment keda/keda-operator did not become ready
///   Pod keda/keda-operator-5c: container exits with 1
///   last lines of its log:
///     │ cannot reach the API server
///
/// help: look at it: kubectl -n keda describe pod keda-operator-5c
/// ```
///
/// Of a piece of evidence with several lines the first says what it is, and the others are quoted.
#[must_use]
pub fn failure(failure: &Failure, paint: Paint) -> String {
    with_skipped(failure, &[], paint)
}

/// As `failure`, and which steps did not run because of it.
pub(super) fn with_skipped(failure: &Failure, skipped: &[&str], paint: Paint) -> String {
    let head = match failure.kind {
        FailureKind::Cancelled => paint.warn("cancelled:"),
        FailureKind::Internal => paint.bad("internal error:"),
        _ => paint.bad("error:"),
    };
    let mut what = failure.what.trim().lines();
    let mut lines = vec![format!("{head} {}", paint.bold(&neutralise(what.next().unwrap_or("something failed"))))];
    lines.extend(what.map(|line| format!("  {}", neutralise(line))));
    for piece in &failure.why {
        lines.extend(evidence(piece, paint));
    }
    if !skipped.is_empty() {
        lines.push(format!("  {} did not run because of this: {}", plural(skipped.len(), "step"), names(skipped)));
    }
    if !failure.hints.is_empty() {
        lines.push(String::new());
    }
    for hint in &failure.hints {
        let mut hint = hint.trim().lines();
        lines.push(format!("{} {}", paint.accent("help:"), neutralise(hint.next().unwrap_or_default())));
        lines.extend(hint.map(|line| format!("      {}", neutralise(line))));
    }
    lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn evidence(piece: &str, paint: Paint) -> Vec<String> {
    let all: Vec<String> = piece.trim_matches('\n').lines().map(|line| shorten(&neutralise(line), paint)).collect();
    let left_out = all.len().saturating_sub(HEAD + TAIL);
    let mut lines = Vec::new();
    for (i, line) in all.iter().enumerate() {
        if i == 0 {
            lines.push(format!("  {line}"));
        } else if left_out > 1 && i == HEAD {
            lines.push(paint.dim(&format!("    {} {} left out", paint.ellipsis(), plural(left_out, "line"))));
        } else if left_out <= 1 || i < HEAD || i >= HEAD + left_out {
            lines.push(format!("    {} {line}", paint.dim(paint.bar())));
        }
    }
    lines
}

fn shorten(line: &str, paint: Paint) -> String {
    let length = line.chars().count();
    // not for a few characters: the note would be longer than what it stands for
    if length <= LINE + 40 {
        return line.to_owned();
    }
    format!("{}{} ({} more characters)", line.chars().take(LINE).collect::<String>(), paint.ellipsis(), length - LINE)
}

/// What is left to say when a run has ended: each failure once with what it held up, or that it was cancelled.
/// Empty when all went well.
pub(super) fn endings(run: &Run, paint: Paint) -> String {
    let mut blocks: Vec<String> = run.endings().iter().map(|end| with_skipped(end.failure, &end.skipped, paint)).collect();
    let loose = run.skipped_without_failure();
    if run.cancelled {
        let head = paint.warn("cancelled:");
        let what = if loose == 0 { "every step had begun".to_owned() } else { format!("{} did not run", plural(loose, "step")) };
        let again = format!("{} `tstack {}` again continues from here", paint.accent("help:"), run.verb);
        blocks.push(format!("{head} {what}\n\n{again}\n"));
    } else if loose > 0 {
        blocks.push(format!("{}\n", paint.warn(&format!("{} did not run", plural(loose, "step")))));
    }
    blocks.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Paint = Paint { color: false, unicode: true };

    fn full() -> Failure {
        let log: Vec<String> = (1..=40).map(|n| format!("2026-01-01T00:00:{n:02} \u{1b}[31mERROR\u{1b}[0m try {n}\u{7}")).collect();
        Failure::step("Deployment keda/keda-operator did not become ready")
            .why("Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts")
            .why(format!("last lines of its log:\n{}", log.join("\n")))
            .why("helm upgrade exited with 1:\nError: context deadline exceeded\n\n  see above\r\n")
            .hint("look at it: kubectl -n keda describe pod keda-operator-5c")
            .hint("give it more time: tstack up --timeout 10m")
    }

    #[test]
    fn a_failure_says_what_and_why_and_what_to_do() {
        insta::assert_snapshot!(failure(&full(), PAINT), @r#"
        error: Deployment keda/keda-operator did not become ready
          Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts
          last lines of its log:
            │ 2026-01-01T00:00:01 ERROR try 1\x07
            │ 2026-01-01T00:00:02 ERROR try 2\x07
            │ 2026-01-01T00:00:03 ERROR try 3\x07
            │ 2026-01-01T00:00:04 ERROR try 4\x07
            … 22 lines left out
            │ 2026-01-01T00:00:27 ERROR try 27\x07
            │ 2026-01-01T00:00:28 ERROR try 28\x07
            │ 2026-01-01T00:00:29 ERROR try 29\x07
            │ 2026-01-01T00:00:30 ERROR try 30\x07
            │ 2026-01-01T00:00:31 ERROR try 31\x07
            │ 2026-01-01T00:00:32 ERROR try 32\x07
            │ 2026-01-01T00:00:33 ERROR try 33\x07
            │ 2026-01-01T00:00:34 ERROR try 34\x07
            │ 2026-01-01T00:00:35 ERROR try 35\x07
            │ 2026-01-01T00:00:36 ERROR try 36\x07
            │ 2026-01-01T00:00:37 ERROR try 37\x07
            │ 2026-01-01T00:00:38 ERROR try 38\x07
            │ 2026-01-01T00:00:39 ERROR try 39\x07
            │ 2026-01-01T00:00:40 ERROR try 40\x07
          helm upgrade exited with 1:
            │ Error: context deadline exceeded
            │
            │   see above

        help: look at it: kubectl -n keda describe pod keda-operator-5c
        help: give it more time: tstack up --timeout 10m
        "#);
    }

    #[test]
    fn a_failure_with_nothing_but_a_sentence_is_one_line() {
        assert_eq!(failure(&Failure::usage("there is no stack `foo`"), PAINT), "error: there is no stack `foo`\n");
    }

    #[test]
    fn the_heading_tells_a_defect_of_ours_and_a_cancel_from_an_error() {
        assert_eq!(failure(&Failure::internal("x"), PAINT), "internal error: x\n");
        assert_eq!(failure(&Failure::new(FailureKind::Cancelled, "x"), PAINT), "cancelled: x\n");
    }

    #[test]
    fn colours_add_nothing_but_colours() {
        let colored = failure(&full(), Paint { color: true, unicode: true });
        assert_eq!(console::strip_ansi_codes(&colored), failure(&full(), PAINT));
    }

    #[test]
    fn the_text_holds_no_control_character_of_the_evidence() {
        let text = failure(&full(), PAINT);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn ascii_is_enough_where_the_locale_is_not_utf8() {
        assert!(failure(&full(), Paint::default()).is_ascii());
    }

    #[test]
    fn an_endless_line_is_cut_with_a_note() {
        let text = failure(&Failure::step("x").why("y".repeat(1000)), PAINT);
        assert!(text.ends_with("yyy… (600 more characters)\n"), "{text}");
    }
}
