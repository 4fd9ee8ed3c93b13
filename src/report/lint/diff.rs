//! What fixes change, as a unified diff.

use std::fmt::Write as _;

use crate::report::Paint;

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// How far two texts may be apart before they are taken for different to the end.
const FAR: usize = 400;

/// A line of both texts, of the old or of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Both(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The difference of two texts of a file; empty where there is none.
#[must_use]
pub fn diff(file: &str, before: &str, after: &str, paint: Paint) -> String {
    let lines = compare(&before.split_inclusive('\n').collect::<Vec<_>>(), &after.split_inclusive('\n').collect::<Vec<_>>());
    let changed: Vec<usize> = (0..lines.len()).filter(|at| !matches!(lines[*at], Line::Both(_))).collect();
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    for at in changed {
        let (from, to) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(lines.len()));
        match hunks.last_mut() {
            Some((_, end)) if from <= *end => *end = to,
            _ => hunks.push((from, to)),
        }
    }
    if hunks.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n{}\n", paint.bold(&format!("--- {file}")), paint.bold(&format!("+++ {file}")));
    for (from, to) in hunks {
        let count = |part: &[Line<'_>], other: fn(&Line<'_>) -> bool| part.iter().filter(|line| !other(line)).count();
        let old: fn(&Line<'_>) -> bool = |line| matches!(line, Line::New(_));
        let new: fn(&Line<'_>) -> bool = |line| matches!(line, Line::Old(_));
        let start = |other| count(&lines[..from], other) + usize::from(count(&lines[from..to], other) > 0);
        let head = format!("@@ -{},{} +{},{} @@", start(old), count(&lines[from..to], old), start(new), count(&lines[from..to], new));
        let _ = writeln!(text, "{}", paint.accent(&head));
        for line in &lines[from..to] {
            let (said, line) = match line {
                Line::Both(line) => (format!(" {}", line.trim_end_matches(['\n', '\r'])), line),
                Line::Old(line) => (paint.bad(&format!("-{}", line.trim_end_matches(['\n', '\r']))), line),
                Line::New(line) => (paint.good(&format!("+{}", line.trim_end_matches(['\n', '\r']))), line),
            };
            let _ = writeln!(text, "{said}");
            if !line.ends_with('\n') {
                text.push_str("\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Goes through both texts side by side; where they part, the nearest lines that are equal again end the change.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if let (Some(a), Some(b)) = (old.get(i), new.get(j))
            && a == b
        {
            all.push(Line::Both(a));
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let meet = (1..FAR)
            .find_map(|far| (0..=far).map(|a| (a, far - a)).find(|(a, b)| old.get(i + a).is_some_and(|line| new.get(j + b) == Some(line))));
        let (a, b) = meet.unwrap_or((old.len() - i, new.len() - j));
        all.extend(old[i..i + a].iter().map(|line| Line::Old(line)));
        all.extend(new[j..j + b].iter().map(|line| Line::New(line)));
        (i, j) = (i + a, j + b);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let before = (1..=20).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let after = before.replace("line 5\n", "line five\n").replace("line 16\n", "").replace("line 20\n", "line 20\nmore");
        insta::assert_snapshot!(diff("a.yaml", &before, &after, Paint::default()), @r"
        --- a.yaml
        +++ a.yaml
        @@ -2,7 +2,7 @@
         line 2
         line 3
         line 4
        -line 5
        +line five
         line 6
         line 7
         line 8
        @@ -13,8 +13,8 @@
         line 13
         line 14
         line 15
        -line 16
         line 17
         line 18
         line 19
         line 20
        +more
        \ No newline at end of file
        ");
        assert_eq!(diff("a.yaml", &before, &before, Paint::default()), "");
    }

    proptest::proptest! {
        #[test]
        fn both_texts_can_be_read_from_it(before in "([ab]\n){0,12}", after in "([ab]\n){0,12}") {
            let (old, new): (Vec<_>, Vec<_>) = (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
            let lines = compare(&old, &new);
            let text = |without: &dyn Fn(&Line<'_>) -> bool| -> String {
                let kept = lines.iter().filter(|line| !without(line));
                kept.map(|line| match *line { Line::Both(line) | Line::Old(line) | Line::New(line) => line }).collect()
            };
            proptest::prop_assert_eq!(text(&|line| matches!(line, Line::New(_))), before.clone());
            proptest::prop_assert_eq!(text(&|line| matches!(line, Line::Old(_))), after.clone());
        }
    }
}
