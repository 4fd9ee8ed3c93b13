//! `--set`: one value laid over a file that people write.

use super::finding::{Collector, suggest};
use crate::yaml::{self, Data, Key, Node, Pos};

/// One `--set`: a path of keys, names of list entries and list positions joined by dots (`\.` is a dot in a key), and a YAML value.
///
/// `noun` is what people call the file. A value under `parameters` keeps the type that it has there.
pub fn assign(root: &mut Node, path: &str, raw: &str, noun: &str, found: &mut Collector) {
    let source = found.source("--set", format!("{path}={raw}"));
    let offset = path.chars().count() + 1;
    let shift = |line: usize, column: usize| if line == 1 { column + offset } else { column };
    let value = match yaml::parse(raw) {
        Ok(node) => node.moved(&|pos| Pos { source, line: pos.line, column: shift(pos.line, pos.column) }),
        Err(error) => {
            let pos = Pos { source, line: error.line, column: shift(error.line, error.column) };
            return found.hint(pos, error.message, "the value is read as YAML; quote it to make it a text");
        }
    };
    let mut node = root;
    let parts = split(path);
    let Some(((last_column, last), above)) = parts.split_last() else { return };
    for (depth, (column, part)) in above.iter().enumerate() {
        let pos = Pos { source, line: 1, column: *column };
        let so_far = || parts[..depth].iter().map(|(_, p)| p.as_str()).collect::<Vec<_>>().join(".");
        match descend(node, part, pos, &or(&so_far(), noun), found) {
            Some(next) => node = next,
            None => return,
        }
    }
    let pos = Pos { source, line: 1, column: *last_column };
    let parent = above.iter().map(|(_, p)| p.as_str()).collect::<Vec<_>>().join(".");
    // a key that the schema does not know is found by the schema; a parameter that nothing refers to would be found by nobody
    let known = keys(node);
    if parent == "parameters" && !known.contains(&last.as_str()) {
        let hint = suggest(last, known.iter().copied(), "parameters");
        return found.maybe(pos, format!("there is no parameter `{last}`"), hint);
    }
    let Some(target) = descend(node, last, pos, &or(&parent, noun), found) else { return };
    if parent == "parameters" {
        keep_type(target, value, raw, last, found);
    } else {
        *target = value;
    }
}

/// A parameter keeps the type that the file gives it: what refers to it counts on that. A text takes the value as it stands, so that
/// `version=1.10` does not become the number 1.1.
fn keep_type(target: &mut Node, value: Node, raw: &str, name: &str, found: &mut Collector) {
    let word = |data: &Data| match data {
        Data::Number(_) => "a number",
        Data::Bool(_) => "`true` or `false`",
        _ => "a text",
    };
    match (&target.data, &value.data) {
        (Data::Text(_), Data::Text(_)) => *target = value,
        (Data::Text(_), _) => *target = Node::new(value.pos, Data::Text(raw.to_owned())),
        (old, new) if word(old) == word(new) => *target = value,
        (old, _) => found.add(value.pos, format!("the parameter `{name}` is {}, found `{raw}`", word(old))),
    }
}

/// The path of a value as messages name it; the file itself has none.
fn or(path: &str, noun: &str) -> String {
    if path.is_empty() { noun.to_owned() } else { format!("`{path}`") }
}

/// The child of that name, made where a map does not have it yet.
fn descend<'a>(node: &'a mut Node, part: &str, pos: Pos, parent: &str, found: &mut Collector) -> Option<&'a mut Node> {
    if part.is_empty() {
        found.hint(pos, "a part of the path is empty", "one dot stands between two parts");
        return None;
    }
    if node.data == Data::Null {
        node.data = Data::Map(Vec::new());
    }
    match &mut node.data {
        Data::Map(entries) => {
            let at = entries.iter().position(|(k, _)| k.text == part).unwrap_or_else(|| {
                entries.push((Key { pos, text: part.to_owned() }, Node::new(pos, Data::Null)));
                entries.len() - 1
            });
            entries.get_mut(at).map(|(_, child)| child)
        }
        Data::List(items) => {
            let index = part.parse::<usize>().ok().filter(|i| *i < items.len());
            let Some(at) = items.iter().position(|n| name_of(n) == Some(part)).or(index) else {
                let names: Vec<&str> = items.iter().filter_map(name_of).collect();
                let hint = suggest(part, names.iter().copied(), "there are");
                found.maybe(pos, format!("{parent} has no entry `{part}`"), hint);
                return None;
            };
            items.get_mut(at)
        }
        _ => {
            found.add(pos, format!("{parent} is a single value and has no `{part}`"));
            None
        }
    }
}

/// The parts of a path, each with its column.
fn split(path: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(1, String::new())];
    let mut chars = path.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '.') => {
                chars.next();
                if let Some((_, last)) = parts.last_mut() {
                    last.push('.');
                }
            }
            '.' => parts.push((index + 2, String::new())),
            c => {
                if let Some((_, last)) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts
}

/// The name of an entry of a list.
fn name_of(node: &Node) -> Option<&str> {
    node.get("name")?.as_text()
}

/// The keys of a map.
fn keys(node: &Node) -> Vec<&str> {
    if let Data::Map(entries) = &node.data { entries.iter().map(|(k, _)| k.text.as_str()).collect() } else { Vec::new() }
}
