//! The parts of a text that are YAML or commands: all of it, or the fenced blocks of a document.

use super::Form;
use crate::yaml::Pos;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lint) struct Segment {
    /// The number of the text.
    pub(in crate::lint) source: usize,
    /// The line of the text in which it begins, from 1.
    pub(in crate::lint) line: usize,
    /// How many characters each of its lines is moved to the right in the text.
    pub(in crate::lint) indent: usize,
    /// How much further to the right its first line is: code behind a fence on the line of the fence.
    pub(in crate::lint) lead: usize,
    /// How it is written.
    pub(in crate::lint) form: Form,
    /// Whether the line breaks of it are lost, so that what looks like a comment is not one to its end.
    pub(in crate::lint) flat: bool,
    /// Whether it is all of its text.
    pub(in crate::lint) whole: bool,
    /// What it holds.
    pub(in crate::lint) text: String,
}

impl Segment {
    /// Whether a place of the text is in it.
    pub(in crate::lint) fn holds(&self, pos: Pos) -> bool {
        pos.line >= self.line && (self.whole || pos.line < self.line + self.text.lines().count())
    }

    /// Where a place of the part is in the whole text.
    pub(in crate::lint) const fn place(&self, pos: Pos) -> Pos {
        let lead = if pos.line == 1 { self.lead } else { 0 };
        Pos { source: self.source, line: pos.line + self.line - 1, column: pos.column + self.indent + lead }
    }
}

/// The parts of a text.
pub(in crate::lint) fn split(text: &str, form: Form, source: usize) -> Vec<Segment> {
    if form == Form::Markdown {
        return blocks(text, source);
    }
    vec![Segment { source, line: 1, indent: 0, lead: 0, form, flat: false, whole: true, text: text.to_owned() }]
}

/// The fenced blocks of a document.
///
/// In texts whose line breaks were lost a fence may stand at the end of a line with the code behind it, or the language may stand alone
/// on the line before the code.
fn blocks(text: &str, source: usize) -> Vec<Segment> {
    let mut all = Vec::new();
    let mut open: Option<(Option<Segment>, usize)> = None;
    let mut language_before = None;
    for (at, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.trim_end_matches(['\n', '\r']);
        let bare = language_before.take();
        let indent = line.chars().take_while(|c| *c == ' ').count();
        let rest = &line[indent..];
        let ticks = rest.chars().take_while(|c| *c == '`').count();
        if let Some((block, fence)) = &mut open {
            if ticks >= *fence && rest[ticks..].trim().is_empty() {
                all.extend(open.take().and_then(|(block, _)| block));
            } else if let Some(block) = block {
                let kept = line.char_indices().find(|(_, c)| *c != ' ').map_or(line.len(), |(i, _)| i).min(block.indent);
                block.text.push_str(&whole[kept..]);
            }
        } else if ticks >= 3 {
            let language = rest[ticks..].split_whitespace().next().unwrap_or_default();
            let new = |form| Segment { source, line: at + 2, indent, lead: 0, form, flat: false, whole: false, text: String::new() };
            open = Some((Form::of_fence(language).map(new), ticks));
        } else if let Some((before, after)) = line.split_once("```") {
            let (language, code) = after.split_once(' ').unwrap_or((after, ""));
            if let Some(form) = Form::of_fence(language).filter(|_| !code.trim().is_empty() && !code.contains("```")) {
                let lead = before.chars().count() + 3 + language.chars().count() + 1;
                all.push(Segment { source, line: at + 1, indent: 0, lead, form, flat: true, whole: false, text: format!("{code}\n") });
            }
        } else if let Some(form) = bare.filter(|_| !line.trim().is_empty()) {
            all.push(Segment { source, line: at + 1, indent: 0, lead: 0, form, flat: true, whole: false, text: format!("{line}\n") });
        } else {
            language_before = Form::of_fence(line).filter(|_| line.chars().all(|c| c.is_ascii_lowercase()));
        }
    }
    all.extend(open.and_then(|(block, _)| block));
    all
}

/// The documents of a YAML text, each with the number of lines before it. A line that begins with `---` separates them wherever it is:
/// no scalar goes over one.
pub(super) fn documents(text: &str) -> Vec<(usize, &str)> {
    let (mut all, mut start, mut first) = (Vec::new(), 0, 0);
    let mut offset = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let said = line.trim_end();
        if at > first && (said == "---" || said.starts_with("--- ")) {
            all.push((first, &text[start..offset]));
            (start, first) = (offset, at);
        }
        offset += line.len();
    }
    all.push((first, &text[start..]));
    all
}
