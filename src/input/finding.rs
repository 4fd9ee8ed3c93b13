//! What is wrong in what people wrote, all of it at once, each with its place.

use std::fmt;

use serde::Serialize;

use crate::failure::Failure;
use crate::yaml::Pos;

/// The most findings that are told of one run; nobody reads more, and a hostile file could have a million.
const MOST_TOLD: usize = 100;
/// The most findings that are kept to choose the first ones from.
const MOST_KEPT: usize = 10_000;
/// The most characters of a message: it may name what somebody wrote.
const MOST_MESSAGE: usize = 600;
/// Characters of a long line that are shown before and after the place.
const AROUND: usize = 100;
/// Longer words are no slips of the pen, and comparing them costs their product.
const LONGEST_WORD: usize = 80;
/// The most names that a hint lists, and that a word is compared with.
const MOST_NAMES: usize = 40;
const MOST_COMPARED: usize = 2000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file as people know it: `stacks/task-api/stack.yaml`; `--set` or `--profile` for the command line.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// The line as it is written; of a long one the part around the place.
    pub source: String,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How many characters of `source` are before the place.
    #[serde(skip)]
    caret: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.source.trim().is_empty() {
            // tabs before the place stay, so that the caret stands below it in a terminal too
            let before = self.source.chars().take(self.caret);
            let space: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {}\n  {space}^", self.source)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the files; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Findings {
    list: Vec<Finding>,
    /// How many more there are than are told.
    #[serde(skip)]
    more: usize,
}

impl Findings {
    /// The findings.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The failure (kind usage) that the edge shows; each finding is one piece of evidence.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let file = self.list.first().map_or_else(String::new, |first| first.file.clone());
        let many = self.list.iter().any(|finding| finding.file != file);
        let mut failure = Failure::usage(if many { "these files are not valid".to_owned() } else { format!("{file} is not valid") });
        failure.why = self.list.iter().map(Finding::to_string).collect();
        if self.more > 0 {
            failure.why.push(format!("and {} more; the first {MOST_TOLD} are told", self.more));
        }
        failure
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.list {
            writeln!(f, "{finding}\n")?;
        }
        match self.list.len() + self.more {
            1 => f.write_str("1 error"),
            n => write!(f, "{n} errors"),
        }
    }
}

/// A text that findings point into.
struct Source {
    file: String,
    text: String,
}

/// Collects findings and knows the texts that places point into.
#[derive(Default)]
pub struct Collector {
    sources: Vec<Source>,
    found: Kept,
    warned: Kept,
}

/// Findings of one kind, bounded.
#[derive(Default)]
struct Kept {
    list: Vec<(Pos, String, Option<String>)>,
    /// How many came when the list was full.
    left_out: usize,
}

impl Kept {
    fn push(&mut self, pos: Pos, message: impl Into<String>, hint: Option<String>) {
        if self.list.len() < MOST_KEPT {
            self.list.push((pos, shortened(message.into()), hint.map(shortened)));
        } else {
            self.left_out += 1;
        }
    }
}

/// A text that people can read to its end.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST_MESSAGE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The part of a line around a column (from 1), and how many of its characters are before the place.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let at = column.saturating_sub(1);
    if line.char_indices().nth(2 * AROUND).is_none() {
        return (line.to_owned(), at);
    }
    let from = at.saturating_sub(AROUND);
    let (before, after) = (if from > 0 { "…" } else { "" }, if line.chars().nth(at + AROUND).is_some() { "…" } else { "" });
    let part: String = line.chars().skip(from).take(at + AROUND - from).collect();
    (format!("{before}{part}{after}"), at - from + before.chars().count())
}

impl Collector {
    /// Takes a text; the number is for [`crate::yaml::Node::in_source`].
    pub fn source(&mut self, file: impl Into<String>, text: impl Into<String>) -> usize {
        self.sources.push(Source { file: file.into(), text: text.into() });
        self.sources.len() - 1
    }

    /// Takes a finding.
    pub fn add(&mut self, pos: Pos, message: impl Into<String>) {
        self.found.push(pos, message, None);
    }

    /// Takes a finding with what may help.
    pub fn hint(&mut self, pos: Pos, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(pos, message, Some(hint.into()));
    }

    /// Takes what is not wrong but seldom meant, with what may help.
    pub fn warn(&mut self, pos: Pos, message: impl Into<String>, hint: impl Into<String>) {
        self.warned.push(pos, message, Some(hint.into()));
    }

    /// With a hint where there is one.
    pub fn maybe(&mut self, pos: Pos, message: impl Into<String>, hint: Option<String>) {
        self.found.push(pos, message, hint);
    }

    /// `stack.yaml:12`, to refer to another place in a message.
    #[must_use]
    pub fn place(&self, pos: Pos) -> String {
        let file = self.sources.get(pos.source).map_or("", |s| s.file.as_str());
        format!("{}:{}", file.rsplit('/').next().unwrap_or(file), pos.line)
    }

    /// The texts with their names, in the order of their numbers.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, String)> {
        self.sources.iter().map(|source| (source.file.clone(), source.text.clone())).collect()
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.found.list.is_empty()
    }

    /// Whether something was already found at that place.
    #[must_use]
    pub fn has(&self, pos: Pos) -> bool {
        self.found.list.iter().any(|(at, ..)| *at == pos)
    }

    /// `value` if nothing was found so far, else the findings.
    pub fn finish<T>(self, value: T) -> Result<T, Findings> {
        if self.is_clean() { Ok(value) } else { Err(self.list()) }
    }

    /// Like [`Collector::finish`], with the warnings beside the value.
    pub fn finish_with_warnings<T>(mut self, value: T) -> Result<(T, Vec<Finding>), Findings> {
        let warned = std::mem::take(&mut self.warned);
        let (warnings, _) = self.located(warned);
        self.finish((value, warnings))
    }

    /// The findings with a last one.
    #[must_use]
    pub fn into_findings(mut self, pos: Pos, message: &str) -> Findings {
        self.add(pos, message);
        self.list()
    }

    fn list(mut self) -> Findings {
        let found = std::mem::take(&mut self.found);
        let (list, more) = self.located(found);
        Findings { list, more }
    }

    /// The first findings with their files and lines, and how many more there are.
    fn located(&self, kept: Kept) -> (Vec<Finding>, usize) {
        let Kept { list: mut found, left_out } = kept;
        found.sort();
        found.dedup();
        let more = found.len().saturating_sub(MOST_TOLD) + left_out;
        found.truncate(MOST_TOLD);
        let finding = |(pos, message, hint): (Pos, String, Option<String>)| {
            let source = self.sources.get(pos.source);
            let line = source.and_then(|s| s.text.lines().nth(pos.line.saturating_sub(1)));
            let (source_line, caret) = excerpt(line.unwrap_or_default(), pos.column);
            Finding {
                file: source.map_or_else(String::new, |s| s.file.clone()),
                line: pos.line.max(1),
                column: pos.column.max(1),
                message,
                source: source_line,
                hint,
                caret,
            }
        };
        (found.into_iter().map(finding).collect(), more)
    }
}

/// The word of `known` that is nearest to `word`, if it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter().take(MOST_COMPARED).filter(|known| known.len().max(word.len()) <= LONGEST_WORD);
    let best = known.map(|k| (distance(&word.to_lowercase(), &k.to_lowercase()), k)).min_by_key(|(d, _)| *d)?;
    // a third of the letters wrong is a typo, more is another word
    (best.0 <= (word.chars().count().max(best.1.chars().count()) / 3).max(1)).then_some(best.1)
}

/// "did you mean …", or else all that is known.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> Option<String> {
    if let Some(near) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let mut names = known.into_iter();
    let all: Vec<String> = names.by_ref().take(MOST_NAMES).map(|k| format!("`{k}`")).collect();
    let more = names.count();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!all.is_empty()).then(|| format!("{what}: {}{rest}", all.join(", ")))
}

/// How many letters must be added, dropped, changed or swapped with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_another_word_does_not() {
        let known = ["needs", "images", "timeout", "helm", "manifests"];
        for (typo, word) in [("need", "needs"), ("hlem", "helm"), ("Manifest", "manifests"), ("timout", "timeout")] {
            assert_eq!(nearest(typo, known), Some(word));
        }
        assert_eq!(nearest("replicas", known), None);
        assert_eq!(suggest("x", ["a", "b"], "there are").unwrap(), "did you mean `a`?");
        assert_eq!(suggest("keda", ["gateway", "namespace"], "there are").unwrap(), "there are: `gateway`, `namespace`");
    }

    #[test]
    fn of_a_million_findings_the_first_are_told_and_the_rest_is_counted() {
        let mut found = Collector::default();
        let source = found.source("stack.yaml", "a\n".repeat(20_000));
        for line in 1..=20_000 {
            found.add(Pos { source, line, column: 1 }, "bad");
        }
        let findings = found.finish(()).unwrap_err();
        assert_eq!((findings.list().len(), findings.list()[99].line), (MOST_TOLD, MOST_TOLD));
        assert!(findings.to_string().ends_with("\n20000 errors"), "{findings}");
        assert_eq!(findings.into_failure().why.last().unwrap(), "and 19900 more; the first 100 are told");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let mut found = Collector::default();
        let source = found.source("stack.yaml", format!("{}x{}", "é".repeat(5000), "b".repeat(5000)));
        found.add(Pos { source, line: 1, column: 5001 }, format!("`{}` is too long", "c".repeat(5000)));
        let findings = found.finish(()).unwrap_err();
        let text = findings.to_string();
        let shown = format!("\n  …{}x{}…\n  {}^\n", "é".repeat(100), "b".repeat(99), " ".repeat(101));
        assert!(text.contains(&shown), "{text}");
        assert_eq!(findings.list()[0].message.chars().count(), MOST_MESSAGE + 1);
    }

    #[test]
    fn long_words_and_long_lists_cost_little() {
        let (word, other) = ("x".repeat(1 << 20), "y".repeat(1 << 20));
        assert_eq!(nearest(&word, [other.as_str()]), None);
        let names: Vec<String> = (0..50).map(|n| format!("name-{n:02}-of-many")).collect();
        let hint = suggest("z", names.iter().map(String::as_str), "there are").unwrap();
        assert!(hint.ends_with("`name-39-of-many` and 10 more"), "{hint}");
    }

    #[test]
    fn the_caret_stands_below_the_place() {
        let mut found = Collector::default();
        let source = found.source("a/stack.yaml", "x:\n\té: 1\n");
        found.hint(Pos { source, line: 2, column: 5 }, "bad", "do this");
        let findings = found.finish(()).unwrap_err();
        assert_eq!(findings.to_string(), "a/stack.yaml:2:5: bad\n  \té: 1\n  \t   ^\n  hint: do this\n\n1 error");
        let failure = findings.into_failure();
        assert_eq!((failure.what.as_str(), failure.why.len()), ("a/stack.yaml is not valid", 1));
    }
}
