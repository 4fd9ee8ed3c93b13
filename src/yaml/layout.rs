//! How a text of YAML is laid out: which bytes each key and value takes, and where comments are. For tools that point into it or change it.

use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StructureStyle};

use super::Pos;

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where its `#` is.
    pub pos: Pos,
    /// What stands after the `#`.
    pub text: String,
    /// Whether nothing is before it on its line.
    pub alone: bool,
}

/// A value in a text.
#[derive(Clone, Debug)]
pub struct Laid {
    /// Where it begins, as in the tree that [`super::parse_nodes`] gives.
    pub pos: Pos,
    /// Its bytes, without anchor and tag. Of a collection in block style, to the end of its last scalar.
    pub bytes: Range<usize>,
    /// What it is.
    pub form: Form,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Form {
    /// A scalar, an alias or nothing.
    Scalar {
        /// Whether it is written without quotes on one line.
        plain: bool,
        /// Whether it is a block (`|` or `>`), or an alias.
        fixed: bool,
    },
    /// A list.
    List(Vec<Laid>),
    /// A map.
    Map {
        /// Whether it is written in braces.
        flow: bool,
        /// Keys and values.
        entries: Vec<(Laid, Laid)>,
    },
}

/// The comments of a text, to its first error.
#[must_use]
pub fn comments(text: &str) -> Vec<Comment> {
    let lines: Vec<&str> = text.lines().collect();
    let events = Parser::new_from_str_with_options(text, options()).map_while(Result::ok);
    let comment = |(event, span): (Event<'_>, Span)| {
        let Event::Comment(text, _) = event else { return None };
        let pos = place(&span);
        let before = lines.get(pos.line - 1).map_or(0, |line| line.chars().take_while(|c| c.is_whitespace()).count());
        Some(Comment { pos, text: text.trim().to_owned(), alone: before + 1 == pos.column })
    };
    events.filter_map(comment).collect()
}

/// The documents of a text as they are laid out; `None` where it is no YAML.
#[must_use]
pub fn layout(text: &str) -> Option<Vec<Laid>> {
    let mut events = Vec::new();
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.ok()?;
        if !matches!(event, Event::Comment(..) | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd) {
            events.push((event, span));
        }
    }
    let (mut events, mut documents) = (events.into_iter().peekable(), Vec::new());
    while events.peek().is_some() {
        documents.push(value(text, &mut events)?);
    }
    Some(documents)
}

fn options() -> Options {
    // a head of comments is no attack
    let mut options = Options::default();
    options.max_buffered_comment_events = usize::MAX;
    options
}

fn place(span: &Span) -> Pos {
    Pos { source: 0, line: span.start.line(), column: span.start.col() + 1 }
}

fn value<'a>(text: &str, events: &mut std::iter::Peekable<impl Iterator<Item = (Event<'a>, Span)>>) -> Option<Laid> {
    let (event, span) = events.next()?;
    let (pos, start) = (place(&span), span.start.byte_offset()?);
    let own = || Some(start..span.end.byte_offset()?);
    match event {
        Event::Scalar(_, style, ..) => {
            let fixed = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            let mut bytes = own()?;
            // the blanks before what comes next are no part of a block
            if let Some(last) =
                text[bytes.clone()].rfind('\n').filter(|last| fixed && text[bytes.start + last..bytes.end].trim().is_empty())
            {
                bytes.end = bytes.start + last + 1;
            }
            Some(Laid { pos, bytes, form: Form::Scalar { plain: style == ScalarStyle::Plain, fixed } })
        }
        Event::Alias(_) => Some(Laid { pos, bytes: own()?, form: Form::Scalar { plain: false, fixed: true } }),
        Event::SequenceStart(style, ..) => {
            let mut items = Vec::new();
            while !matches!(events.peek()?.0, Event::SequenceEnd) {
                items.push(value(text, events)?);
            }
            let end = end(&events.next()?.1, style, items.iter(), start)?;
            Some(Laid { pos, bytes: start..end, form: Form::List(items) })
        }
        Event::MappingStart(style, ..) => {
            let mut entries = Vec::new();
            while !matches!(events.peek()?.0, Event::MappingEnd) {
                entries.push((value(text, events)?, value(text, events)?));
            }
            let end = end(&events.next()?.1, style, entries.iter().flat_map(|(key, value)| [key, value]), start)?;
            Some(Laid { pos, bytes: start..end, form: Form::Map { flow: style == StructureStyle::Flow, entries } })
        }
        _ => None,
    }
}

/// Where a collection ends: the end event of one in block style stands at whatever comes next.
fn end<'a>(span: &Span, style: StructureStyle, parts: impl Iterator<Item = &'a Laid>, start: usize) -> Option<usize> {
    match style {
        StructureStyle::Flow => span.end.byte_offset(),
        // nothing, where a value should be, may stand anywhere
        StructureStyle::Block => Some(parts.filter(|part| !part.bytes.is_empty()).map(|part| part.bytes.end).max().unwrap_or(start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_texts_that_look_like_them() {
        let text = "# head\na: 'x # no' # yes\nb: |\n  # text\n  # more\n# end\nc: http://x#y\nd: [1, # in\n  2]\n";
        let all: Vec<_> = comments(text).into_iter().map(|c| (c.pos.line, c.pos.column, c.text, c.alone)).collect();
        let said = |line, column, text: &str, alone| (line, column, text.to_owned(), alone);
        assert_eq!(all, [said(1, 1, "head", true), said(2, 13, "yes", false), said(6, 1, "end", true), said(8, 8, "in", false)]);
    }

    /// Every key and value with its bytes.
    fn shown(laid: &Laid, text: &str, all: &mut Vec<String>) {
        all.push(format!("{}:{} {:?}", laid.pos.line, laid.pos.column, &text[laid.bytes.clone()]));
        match &laid.form {
            Form::List(items) => items.iter().for_each(|item| shown(item, text, all)),
            Form::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
                shown(key, text, all);
                shown(value, text, all);
            }),
            Form::Scalar { .. } => {}
        }
    }

    #[test]
    fn every_value_knows_its_bytes() {
        let text = "é: &x {a: [1], \"b\": 'c'}\nlist:\n- k: |\n    text\n\n  l:\n- *x\n---\nz\n";
        let mut all = Vec::new();
        layout(text).unwrap().iter().for_each(|document| shown(document, text, &mut all));
        insta::assert_snapshot!(all.join("\n"), @r#"
        1:1 "é: &x {a: [1], \"b\": 'c'}\nlist:\n- k: |\n    text\n\n  l:\n- *x"
        1:1 "é"
        1:7 "{a: [1], \"b\": 'c'}"
        1:8 "a"
        1:11 "[1]"
        1:12 "1"
        1:16 "\"b\""
        1:21 "'c'"
        2:1 "list"
        3:3 "k: |\n    text\n\n  l:\n- *x"
        3:3 "k: |\n    text\n\n  l"
        3:3 "k"
        4:5 "text\n\n"
        6:3 "l"
        6:4 ""
        7:3 "*x"
        9:1 "z"
        "#);
    }

    #[test]
    fn places_are_those_of_the_tree() {
        fn same(node: &crate::yaml::Node, laid: &Laid) {
            assert_eq!(node.pos, laid.pos);
            match (&node.data, &laid.form) {
                (crate::yaml::Data::Map(entries), Form::Map { entries: laid, .. }) => {
                    for ((key, value), (laid_key, laid)) in entries.iter().zip(laid) {
                        assert_eq!(key.pos, laid_key.pos);
                        same(value, laid);
                    }
                }
                (crate::yaml::Data::List(items), Form::List(laid)) => items.iter().zip(laid).for_each(|(node, laid)| same(node, laid)),
                _ => {}
            }
        }
        let text =
            "é: {a: [1, {x: y}], \"b\": 'c'}\r\nlist:\r\n- k: |\r\n    text\r\n  l: !!str 1\r\n-\r\n  - &a b\r\n  - c: d\r\n---\r\nz\r\n";
        let (nodes, laid) = (crate::yaml::parse_nodes(text).unwrap(), layout(text).unwrap());
        nodes.iter().zip(&laid).for_each(|(node, laid)| same(node, laid));
    }
}
