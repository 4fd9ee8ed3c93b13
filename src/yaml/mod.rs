//! The only way YAML comes in and goes out.
//!
//! Purpose: one parser with our options and limits, whose values know the line and column that they come from; one writer with comments.
//! Reads: text. Writes: nothing.
//! Must not: do I/O.

pub mod layout;
mod write;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DuplicateKeyPolicy, MessageFormatter, NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter, budget, options};

pub use write::{Entry, Item, Map, Tree, text, write};

/// The most values that one text may hold, aliases written out; a stack has a few hundred, a large chart's CRDs some ten thousand.
const MAX_NODES: usize = 200_000;
/// How deep lists and maps may nest; the parser and everything after it recurse.
const MAX_DEPTH: usize = 64;

/// A place in a text. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    /// Which text: 0 unless the reader numbered its texts with [`Node::in_source`].
    pub source: usize,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub pos: Pos,
    /// What it is.
    pub data: Data,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`; not `yes` or `on`.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Anything else that is one word or text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text; no key twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it begins.
    pub pos: Pos,
    /// The key; numbers and booleans as they are spelled.
    pub text: String,
}

/// Why a text is not YAML that we take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct YamlError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a text of exactly one document; an empty one is [`Data::Null`].
///
/// # Errors
/// On a syntax error, a key given twice, a second document, or a text over the limits.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    serde_saphyr::from_str_with_options(text, our_options()).map_err(|error| error_of(&error, text))
}

/// Reads a stream of documents (a manifest file) with their places; documents without content are left out.
///
/// # Errors
/// As [`parse`], but for the number of documents.
pub fn parse_nodes(text: &str) -> Result<Vec<Node>, YamlError> {
    let all: Vec<Node> = serde_saphyr::from_multiple_with_options(text, our_options()).map_err(|error| error_of(&error, text))?;
    Ok(all.into_iter().filter(|node| node.data != Data::Null).collect())
}

/// Reads a stream of documents as plain values, each when it is asked for: of a large stream all values at once take ten times its room.
/// Documents without content are left out. The limits are those of one document.
///
/// # Errors
/// As [`parse_nodes`].
pub fn parse_each(text: &str) -> impl Iterator<Item = Result<Value, YamlError>> {
    documents(text).flat_map(|(before, document)| match parse_nodes(document) {
        Ok(nodes) => nodes.iter().map(|node| Ok(node.to_value())).collect(),
        Err(error) => vec![Err(YamlError { line: error.line + before, ..error })],
    })
}

/// The documents of a stream, each from its marker on, and the number of lines before each.
fn documents(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut starts, mut at) = (vec![(0, 0)], 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_marker(line) && number > 0 {
            starts.push((number, at));
        }
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(move |((lines, start), end)| (lines, &text[start..end]))
}

/// Whether a line begins a document.
fn is_marker(line: &str) -> bool {
    line.trim_end() == "---" || line.starts_with("--- ")
}

fn our_options() -> Options {
    options! {
        budget: budget! { max_nodes: MAX_NODES, max_depth: MAX_DEPTH },
        duplicate_keys: DuplicateKeyPolicy::Error,
        // by default `0644` is the float 644.0, and `on` and `y` are booleans
        legacy_octal_numbers: true,
        strict_booleans: true,
        // JSON has no word for them
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    }
}

fn error_of(error: &serde_saphyr::Error, text: &str) -> YamlError {
    let (line, column) = error.location().map_or((1, 1), |at| (small(at.line()), small(at.column())));
    let message = match error.without_snippet() {
        serde_saphyr::Error::Budget { breach, .. } => {
            format!("too much for one file: {}; tstack reads at most {MAX_NODES} values, nested {MAX_DEPTH} deep", too_much(breach))
        }
        serde_saphyr::Error::MultipleDocuments { .. } => {
            let (line, column) = second_document(text).unwrap_or((line, column));
            return YamlError { line, column, message: "a second document begins here; this file must hold one".into() };
        }
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` is given twice"),
        other => {
            let said = UserMessageFormatter.format_message(other).into_owned();
            // of aliases that are written out, and of brackets without an end, the parser speaks in words of its own
            if said.contains("limits breached") || said == "recursion limit exceeded" {
                format!("too much for one file; tstack reads at most {MAX_NODES} values, aliases written out, nested {MAX_DEPTH} deep")
            } else {
                said
            }
        }
    };
    YamlError { line: line.max(1), column: column.max(1), message }
}

/// What there is too much of.
fn too_much(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => "it holds too many values".into(),
        BudgetBreach::Depth { .. } => "it is nested too deep".into(),
        BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. } => "it holds too many aliases".into(),
        BudgetBreach::Anchors { .. } => "it holds too many anchors".into(),
        BudgetBreach::Documents { documents } => format!("it holds {documents} documents or more"),
        BudgetBreach::ScalarBytes { .. } => "its texts are too long together, aliases written out".into(),
        BudgetBreach::MergeKeys { .. } => "it holds too many merge keys".into(),
        other => format!("{other:?}"),
    }
}

/// Where the `---` of the second document is.
fn second_document(text: &str) -> Option<(usize, usize)> {
    let mut content = false;
    for (number, line) in text.lines().enumerate() {
        let marker = line == "---" || line.starts_with("--- ");
        if marker && content {
            return Some((number + 1, 1));
        }
        content |= marker || !(line.trim().is_empty() || line.trim_start().starts_with('#'));
    }
    None
}

fn small(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Node {
    /// A node that is written nowhere of its own, at the place of what it stands for.
    #[must_use]
    pub const fn new(pos: Pos, data: Data) -> Self {
        Self { pos, data }
    }

    /// The same tree, all of its places in text number `source`.
    #[must_use]
    pub fn in_source(self, source: usize) -> Self {
        self.moved(&|pos| Pos { source, ..pos })
    }

    /// The same tree with every place changed.
    #[must_use]
    pub fn moved(self, change: &impl Fn(Pos) -> Pos) -> Self {
        let data = match self.data {
            Data::List(items) => Data::List(items.into_iter().map(|n| n.moved(change)).collect()),
            Data::Map(entries) => Data::Map(
                entries.into_iter().map(|(key, node)| (Key { pos: change(key.pos), text: key.text }, node.moved(change))).collect(),
            ),
            other => other,
        };
        Self { pos: change(self.pos), data }
    }

    /// How many values it holds, itself included.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.data {
            Data::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Data::Map(entries) => 1 + entries.iter().map(|(_, node)| node.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The value without places.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(n) => Value::Number(n.clone()),
            Data::Text(t) => Value::String(t.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Data::Map(entries) => {
                Value::Object(entries.iter().map(|(k, n)| (k.text.clone(), n.to_value())).collect::<serde_json::Map<_, _>>())
            }
        }
    }

    /// The text, where the node is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Data::Map(entries) = &self.data else { return None };
        entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The value of a key of a map, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Data::Map(entries) = &mut self.data else { return None };
        entries.iter_mut().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// Where a JSON pointer leads to: the key of a map's entry, or else the value itself. A pointer that leads nowhere gives the
    /// place of its deepest part that exists.
    #[must_use]
    pub fn pos_at(&self, pointer: &str) -> Pos {
        self.walk(pointer, |key, node| key.map_or(node.pos, |k| k.pos))
    }

    /// Like [`Node::pos_at`], but the place of the value and not of its key.
    #[must_use]
    pub fn value_pos_at(&self, pointer: &str) -> Pos {
        self.walk(pointer, |_, node| node.pos)
    }

    fn walk(&self, pointer: &str, place: impl Fn(Option<&Key>, &Self) -> Pos) -> Pos {
        let (mut key, mut node) = (None, self);
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            match &node.data {
                Data::Map(entries) => match entries.iter().find(|(k, _)| k.text == part) {
                    Some((k, n)) => (key, node) = (Some(k), n),
                    None => break,
                },
                Data::List(items) => match part.parse::<usize>().ok().and_then(|i| items.get(i)) {
                    Some(n) => (key, node) = (None, n),
                    None => break,
                },
                _ => break,
            }
        }
        place(key, node)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Data>::deserialize(deserializer)?;
        Ok(Self { pos: pos_of(spanned.referenced), data: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { pos: pos_of(spanned.referenced), text: spanned.value })
    }
}

fn pos_of(at: serde_saphyr::Location) -> Pos {
    Pos { source: 0, line: small(at.line()).max(1), column: small(at.column()).max(1) }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Data, E> {
        Number::from_f64(value).map(Data::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Data::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str, pointer: &str) -> (usize, usize) {
        let pos = parse(text).unwrap().pos_at(pointer);
        (pos.line, pos.column)
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "# é\na:\n  b: [1, two]\n  'ç d': {e: x}\n";
        assert_eq!(at(text, ""), (2, 1));
        assert_eq!(at(text, "/a/b"), (3, 3));
        assert_eq!(at(text, "/a/b/1"), (3, 10));
        assert_eq!(at(text, "/a/ç d/e"), (4, 11));
        let value = parse(text).unwrap().value_pos_at("/a/ç d/e");
        assert_eq!((value.line, value.column), (4, 14));
    }

    #[test]
    fn a_pointer_that_leads_nowhere_gives_the_deepest_part() {
        assert_eq!(at("a:\n  b: 1\n", "/a/x/y"), (1, 1));
        assert_eq!(at("a: [1]\n", "/a/7"), (1, 1));
    }

    #[test]
    fn words_and_octals_mean_what_kubernetes_takes_them_for() {
        let value = parse("{a: 0644, b: on, c: 'true', d: true, e: ~, f: 1.50, g: 0x10, h: v1, i: y}").unwrap().to_value();
        assert_eq!(value, json!({"a": 420, "b": "on", "c": "true", "d": true, "e": null, "f": 1.5, "g": 16, "h": "v1", "i": "y"}));
    }

    #[test]
    fn an_alias_is_written_out() {
        assert_eq!(
            parse("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}").unwrap().to_value(),
            json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}})
        );
    }

    #[test]
    fn a_stream_leaves_empty_documents_out() {
        let all: Vec<Value> = parse_each("# head\n---\na: 1\n---\n---\n# nothing\n---\nb: 2\n").map(Result::unwrap).collect();
        assert_eq!(all, [json!({"a": 1}), json!({"b": 2})]);
        assert_eq!(parse_nodes("---\na: 1\n---\nb: 2\n").unwrap()[1].pos.line, 4);
        assert_eq!(parse("").unwrap().data, Data::Null);
    }

    #[test]
    fn an_error_in_a_stream_is_told_with_its_line_in_the_whole_of_it() {
        let each: Vec<_> = parse_each("a: |\n  ---\n  b\n--- \nc: 1\nc: 2\n---\nd: 1\n").collect();
        assert_eq!(each[0], Ok(json!({"a": "---\nb\n"})));
        assert_eq!(each[1].as_ref().unwrap_err().to_string(), "line 6, column 1: the key `c` is given twice");
        assert_eq!(each[2], Ok(json!({"d": 1})));
    }

    #[test]
    fn errors_say_where_and_what() {
        let many = format!("[{}]", "1,".repeat(MAX_NODES));
        let deep = "[".repeat(100);
        let bad = ["a: 1\nb: 2\na: 3\n", "a: [1\nb: 2\n", "a: *nobody\n", "a: .nan\n", "a: 1\n---\nb: 2\n", "? [a]\n: 1\n", &deep, &many];
        let messages: Vec<_> = bad.iter().map(|text| parse(text).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        line 3, column 1: the key `a` is given twice
        line 2, column 2: illegal placement of ':' indicator
        line 1, column 4: reference to unknown value
        line 1, column 4: value `.nan` is not a finite number
        line 2, column 1: a second document begins here; this file must hold one
        line 1, column 3: expected string scalar
        line 1, column 100: unclosed bracket '['
        line 1, column 400000: too much for one file: it holds too many values; tstack reads at most 200000 values, nested 64 deep
        "#);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a{}\\[\\]:,\"'&*!|> \n#~0.e?<\t]{0,60}") {
            let _ = parse(&text);
            let _ = parse_nodes(&text);
        }
    }
}
