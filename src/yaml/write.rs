//! The only way YAML goes out: block style, with comments, and every text quoted that another reader might take for something else.

use std::fmt::Write as _;

use serde_json::Value;

/// The widest that a line of comment may be.
const WIDTH: usize = 110;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A word, number or text; also an empty list or map.
    Leaf(Value),
    /// A sequence.
    List(Vec<Item>),
    /// A mapping, in order.
    Map(Map),
}

/// A mapping whose entries keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<Entry>,
}

/// An entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    key: String,
    value: Tree,
    comment: Comment,
}

/// An entry of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    value: Tree,
    comment: Comment,
}

/// What is said of an entry.
#[derive(Clone, Debug, Default, PartialEq)]
struct Comment {
    above: Option<String>,
    behind: Option<String>,
}

impl Map {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Takes an entry, which can then be commented on.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Tree>) -> &mut Entry {
        let at = self.entries.len();
        self.entries.push(Entry { key: key.into(), value: value.into(), comment: Comment::default() });
        &mut self.entries[at]
    }

    /// Takes an entry where there is a value.
    pub fn put_some(&mut self, key: impl Into<String>, value: Option<impl Into<Tree>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Whether it has no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The map under a key, to add to it.
    pub fn map_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.entries.iter_mut().find(|entry| entry.key == key).and_then(|entry| match &mut entry.value {
            Tree::Map(map) => Some(map),
            _ => None,
        })
    }

    /// The entries without their comments.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value())).collect())
    }
}

impl Entry {
    /// Says something on the lines above.
    pub fn above(&mut self, text: impl Into<String>) -> &mut Self {
        self.comment.above = Some(text.into());
        self
    }

    /// Says something behind the value.
    pub fn behind(&mut self, text: impl Into<String>) -> &mut Self {
        self.comment.behind = Some(text.into());
        self
    }
}

impl Item {
    /// An entry without comment.
    pub fn new(value: impl Into<Tree>) -> Self {
        Self { value: value.into(), comment: Comment::default() }
    }

    /// With something on the lines above.
    #[must_use]
    pub fn above(mut self, text: impl Into<String>) -> Self {
        self.comment.above = Some(text.into());
        self
    }

    /// With something behind the value.
    #[must_use]
    pub fn behind(mut self, text: impl Into<String>) -> Self {
        self.comment.behind = Some(text.into());
        self
    }
}

impl Tree {
    /// The value without comments.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(|item| item.value.to_value()).collect()),
            Self::Map(map) => map.to_value(),
        }
    }
}

impl From<Map> for Tree {
    fn from(map: Map) -> Self {
        if map.is_empty() { Self::Leaf(Value::Object(serde_json::Map::new())) } else { Self::Map(map) }
    }
}

impl From<Vec<Item>> for Tree {
    fn from(items: Vec<Item>) -> Self {
        if items.is_empty() { Self::Leaf(Value::Array(Vec::new())) } else { Self::List(items) }
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => items.into_iter().map(Item::new).collect::<Vec<_>>().into(),
            Value::Object(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.put(key, value);
                }
                map.into()
            }
            leaf => Self::Leaf(leaf),
        }
    }
}

/// A text, number or boolean as a leaf.
macro_rules! leaf {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Tree {
            fn from(value: $kind) -> Self {
                Self::Leaf(value.into())
            }
        }
    )*};
}
leaf!(&str, String, bool, u16, u32, u64, i64);

impl From<&String> for Tree {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

/// The text of one document, with a comment at its head where there is one; it ends with a line break.
#[must_use]
pub fn write(head: Option<&str>, map: &Map) -> String {
    let mut out = String::new();
    comment(head, 0, &mut out);
    if map.is_empty() {
        out.push_str("{}\n");
    }
    entries(map, 0, &mut out);
    out
}

fn entries(map: &Map, indent: usize, out: &mut String) {
    for entry in &map.entries {
        comment(entry.comment.above.as_deref(), indent, out);
        spaces(indent, out);
        rest_of_entry(entry, indent, out);
    }
}

/// An entry whose indentation is written already.
fn rest_of_entry(entry: &Entry, indent: usize, out: &mut String) {
    out.push_str(&text(&entry.key));
    out.push(':');
    let deeper = |out: &mut String| {
        behind(&entry.comment, out);
        out.push('\n');
    };
    match &entry.value {
        Tree::Leaf(value) => {
            out.push(' ');
            out.push_str(&scalar(value));
            deeper(out);
        }
        Tree::List(list) => {
            deeper(out);
            items(list, indent + 2, out);
        }
        Tree::Map(map) => {
            deeper(out);
            entries(map, indent + 2, out);
        }
    }
}

fn items(list: &[Item], indent: usize, out: &mut String) {
    for item in list {
        comment(item.comment.above.as_deref(), indent, out);
        match &item.value {
            Tree::Leaf(value) => {
                spaces(indent, out);
                out.push_str("- ");
                out.push_str(&scalar(value));
                behind(&item.comment, out);
                out.push('\n');
            }
            Tree::List(list) => {
                spaces(indent, out);
                out.push('-');
                behind(&item.comment, out);
                out.push('\n');
                items(list, indent + 2, out);
            }
            Tree::Map(map) => {
                // what is said of the first entry stands above the dash
                comment(map.entries.first().and_then(|first| first.comment.above.as_deref()), indent, out);
                spaces(indent, out);
                out.push_str("- ");
                for (index, entry) in map.entries.iter().enumerate() {
                    if index > 0 {
                        comment(entry.comment.above.as_deref(), indent + 2, out);
                        spaces(indent + 2, out);
                    }
                    rest_of_entry(entry, indent + 2, out);
                }
            }
        }
    }
}

fn spaces(number: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', number));
}

fn behind(comment: &Comment, out: &mut String) {
    if let Some(text) = &comment.behind {
        out.push_str(" # ");
        out.push_str(&one_line(text));
    }
}

/// Lines of comment, broken between words.
fn comment(text: Option<&str>, indent: usize, out: &mut String) {
    for line in text.into_iter().flat_map(str::lines) {
        let mut row = String::new();
        for word in line.split_whitespace().map(one_line) {
            if !row.is_empty() && indent + 3 + row.chars().count() + word.chars().count() > WIDTH {
                comment_line(&row, indent, out);
                row.clear();
            }
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(&word);
        }
        if !row.is_empty() {
            comment_line(&row, indent, out);
        }
    }
}

fn comment_line(row: &str, indent: usize, out: &mut String) {
    spaces(indent, out);
    out.push_str("# ");
    out.push_str(row);
    out.push('\n');
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c }).collect()
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
        other => other.to_string(),
    }
}

/// A text as YAML: plain where every reader takes it for itself, else in quotes.
#[must_use]
pub fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(is_printable) {
        // a text with double quotes in it reads better within single ones
        return if text.contains(['"', '\\']) && !text.contains('\n') {
            format!("'{}'", text.replace('\'', "''"))
        } else {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        };
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = match u32::from(c) {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// What stands for itself on one line in any reader.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{85}' | '\u{a0}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}')
        || u32::from(c) > 0x1_ffff)
}

/// Whether readers of YAML 1.1 and 1.2 both take it for a text, wherever it stands.
fn is_plain(text: &str) -> bool {
    is_amount(text) || is_word(text)
}

/// A number with a unit, as Kubernetes writes lengths of time and amounts: `30s`, `64Mi`.
fn is_amount(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["ms", "s", "m", "h", "Ki", "Mi", "Gi"].contains(&unit)
}

fn is_word(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || "_/.".contains(c));
    let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || "_/.-@+=,()|~* ".contains(c) || c == ':');
    let edges = !text.ends_with([' ', ':']) && !text.contains(": ") && !text.contains("  ");
    if !(first && inner && edges) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"];
    // `.5` is a number to one reader, `.` to another, and `...` ends a document
    let dot = lower.strip_prefix('.').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/'));
    !dot && !words.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml;

    #[test]
    fn comments_stand_above_and_behind_what_they_are_about() {
        let mut inner = Map::new();
        inner.put("type", "Distinct").above("a bucket for each value");
        inner.put("value", ".+").behind("not *");
        let mut map = Map::new();
        map.put("kind", "Policy");
        map.put("list", vec![Item::new(inner), Item::new("a: b").behind("last"), Item::new(vec![Item::new(1_u32)]).above("within")])
            .above("all of it")
            .behind("of three");
        map.put("empty", Vec::new());
        map.put("on", json!({"a": {}, "b": null, "c": [true, "true"]}));
        insta::assert_snapshot!(write(Some("What it is for."), &map), @r#"
        # What it is for.
        kind: Policy
        # all of it
        list: # of three
          # a bucket for each value
          - type: Distinct
            value: ".+" # not *
          - "a: b" # last
          # within
          -
            - 1
        empty: []
        "on":
          a: {}
          b: null
          c:
            - true
            - "true"
        "#);
    }

    #[test]
    fn a_long_comment_is_broken_between_words() {
        let mut map = Map::new();
        map.put("a", 1_u32).above("word ".repeat(30));
        let text = write(None, &map);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn a_text_is_quoted_where_it_could_be_something_else() {
        let plain = [
            "api",
            "task-api:8000",
            "gateway.networking.k8s.io/v1",
            "/api/v1",
            "a b",
            "app.kubernetes.io/name",
            "x-user-id",
            "30s",
            "64Mi",
        ];
        assert_eq!(plain.map(text), plain);
        for quoted in [
            "true",
            "No",
            "on",
            "y",
            "null",
            "~",
            "",
            "1",
            "1.5",
            ".5",
            "0x10",
            "1_000",
            "12:30",
            "-",
            "- a",
            "a: b",
            "a #b",
            "a ",
            " a",
            "#a",
            "*",
            "&a",
            "!a",
            "@a",
            "`a",
            "%a",
            "{a}",
            "[a]",
            "a:",
            "2026-01-01",
            "=",
            "<<",
            "é",
            "1.2-x",
        ] {
            assert_eq!(text(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(text("a \"b\" 'c'"), "'a \"b\" ''c'''");
        assert_eq!(text("a\nb\u{7}\u{1f600}"), "\"a\\nb\\x07\u{1f600}\"");
    }

    /// Any value, with texts that readers stumble over.
    fn values() -> impl Strategy<Value = Value> {
        let hostile = prop::sample::select(vec![
            "true",
            "yes",
            "No",
            "null",
            "~",
            "",
            " ",
            "-",
            "- a",
            "a: b",
            "a:",
            ": a",
            "#",
            "a #b",
            "*a",
            "&a",
            "!!str",
            "|",
            ">",
            "'",
            "\"",
            "\\",
            "\n",
            "a\nb\n",
            "\t",
            "\r\n",
            "1",
            "1e3",
            "0o7",
            "0644",
            "1_0",
            "1:2",
            ".5",
            "+1",
            "-.inf",
            "2026-11-21",
            "%",
            "@",
            "`",
            "{",
            "[a]",
            ", ",
            "? a",
            "---",
            "...",
            "\u{85}",
            "\u{a0}",
            "\u{2028}",
            "\u{feff}",
            "é",
            "\u{1f600}",
            "\u{0}",
            "\u{7f}",
            "=",
            "<<",
            "${a}",
            "x: {y}",
        ]);
        let texts = prop_oneof![hostile.prop_map(str::to_owned), "\\PC{0,12}", "[ -~]{0,20}", "[a-z:#' \\n-]{0,20}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e6..1e6_f64).prop_map(Value::from),
            texts.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                // `<<` would be a merge, in quotes too
                prop::collection::vec((texts.clone().prop_filter("merge", |k| k != "<<"), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn commented(value: Value, text: &str) -> Tree {
        match Tree::from(value) {
            Tree::Map(map) => {
                let mut out = Map::new();
                for entry in map.entries {
                    out.put(entry.key, commented(entry.value.to_value(), text)).above(text).behind(text);
                }
                out.into()
            }
            Tree::List(list) => {
                list.into_iter().map(|i| Item::new(commented(i.value.to_value(), text)).above(text).behind(text)).collect::<Vec<_>>().into()
            }
            leaf @ Tree::Leaf(_) => leaf,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in values(), said in "[ -~\\n\u{85}é]{0,40}") {
            let mut map = Map::new();
            map.put("root", commented(value.clone(), &said));
            let text = write(Some(&said), &map);
            let read = yaml::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(read.to_value(), json!({"root": value}), "{}", text);
        }
    }
}
