//! What is wrong with a text that is no YAML, in words that help.

use crate::yaml::YamlError;

/// What is said about a syntax error.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) rule: &'static str,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) remedy: String,
}

const HELM: &str = "Lint what the chart renders: `helm template .. | tstack lint -`.";

/// Words for an error in a document of a text.
pub(super) fn said(whole: &str, document: &str, error: &YamlError) -> Said {
    let lines: Vec<&str> = document.lines().collect();
    let at =
        |line: usize, column: usize, rule, message: String, remedy: &str| Said { rule, line, column, message, remedy: remedy.to_owned() };
    let here = |rule, message: String, remedy: &str| at(error.line, error.column, rule, message, remedy);
    if let Some((line, column)) = place_of(&lines, "{{").or_else(|| place_of(&lines, "{%")) {
        return if is_helm(whole) {
            at(line, column, "TS102", "this is a Helm template, and no YAML before Helm has filled it in".into(), HELM)
        } else {
            at(
                line,
                column,
                "TS102",
                "this is a template (`{{ … }}` is no YAML), and no object before its values are filled in".into(),
                "Fill the values in, and lint what comes out.",
            )
        };
    }
    if let Some(line) = tab(&lines, error.line) {
        let column = lines[line - 1].find('\t').map_or(1, |at| at + 1);
        return at(
            line,
            column,
            "TS101",
            "this line is indented with a tab; YAML takes only blanks".into(),
            "Put blanks in place of the tab.",
        );
    }
    let line = lines.get(error.line - 1).copied().unwrap_or_default();
    if line.matches(": ").count() > 1 && line.contains("apiVersion: ") && line.contains(" kind: ") {
        let message = "the line breaks of this object are lost: `apiVersion` and `kind` are on one line".into();
        return here("TS101", message, "Put each key on a line of its own, indented below what it belongs to.");
    }
    let message = error.message.as_str();
    if message.ends_with("is given twice") {
        return here("TS104", format!("{message}; kubectl refuses that, or takes the last one, by its version"), "Keep one of the two.");
    }
    if message.starts_with("Recursive reference") {
        return here("TS101", "this alias stands in what it stands for, so that it would have no end".into(), "Write the value out.");
    }
    if message.contains("too much for one file") || message.contains("too large or too complex") {
        let message = "the document holds too much: more than 200,000 values with its aliases written out, or more than 64 levels".into();
        return here("TS101", message, "Write the aliases out, or split the file.");
    }
    let remedy = if message.starts_with("mapping values are not allowed") {
        "Put a value that holds `: ` in quotes, and keys of one map at one indentation."
    } else if message.contains("quoted scalar") {
        "Close the quotes where the text ends; in single quotes a single quote is written `''`."
    } else if message.starts_with("unexpected character") {
        "Put the value in quotes."
    } else {
        "Repair the YAML here or just above."
    };
    here("TS101", format!("this is no YAML: {}", lower(message)), remedy)
}

/// The first line and column of a text that is no comment.
fn place_of(lines: &[&str], what: &str) -> Option<(usize, usize)> {
    let found = lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    found.into_iter().find_map(|(at, line)| line.find(what).map(|byte| (at + 1, line[..byte].chars().count() + 1)))
}

fn is_helm(text: &str) -> bool {
    ["{{-", "-}}", ".Values", ".Release", ".Chart", "{{ include", "{{ template", "{{ define", "{{ if ", "{{ end"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// The line at or just before an error that is indented with a tab.
fn tab(lines: &[&str], near: usize) -> Option<usize> {
    let indented = |line: &str| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') && !line.trim().is_empty();
    // a tab below a plain scalar is told at the scalar's end, the line before
    [near, near + 1].into_iter().find(|number| lines.get(number - 1).is_some_and(|line| indented(line)))
}

fn lower(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
