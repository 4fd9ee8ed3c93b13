//! Profiles and `--set`: changes that are laid over the stack file.

use super::folder::Overrides;
use crate::input::{Collector, suggest};
use crate::yaml::{self, Data, Key, Node, Pos};

/// Lays the chosen profiles and then every `--set` over the file.
pub(super) fn apply(root: &mut Node, overrides: &Overrides, found: &mut Collector) {
    for name in &overrides.profiles {
        let Some(profile) = root.get("profiles").and_then(|all| all.get(name)).cloned() else {
            let source = found.source("--profile", name.as_str());
            let known = root.get("profiles").map(keys).unwrap_or_default();
            let hint = suggest(name, known.iter().copied(), "profiles").unwrap_or_else(|| "this stack has no profiles".into());
            found.hint(Pos { source, line: 1, column: 1 }, format!("there is no profile `{name}`"), hint);
            continue;
        };
        merge(root, profile);
    }
    for (path, value) in &overrides.set {
        set(root, path, value, found);
    }
}

/// Lays one value over another: maps merge by key, lists whose entries have a `name` merge by name, anything else is replaced.
fn merge(base: &mut Node, over: Node) {
    let Node { pos, data } = over;
    match (&mut base.data, data) {
        (Data::Map(old), Data::Map(new)) => {
            for (key, node) in new {
                match old.iter_mut().find(|(k, _)| k.text == key.text) {
                    Some((_, existing)) => merge(existing, node),
                    None => old.push((key, node)),
                }
            }
        }
        (Data::List(old), Data::List(new)) if old.iter().chain(&new).all(|n| name_of(n).is_some()) => {
            for node in new {
                let name = name_of(&node).map(str::to_owned);
                match old.iter_mut().find(|n| name_of(n) == name.as_deref()) {
                    Some(existing) => merge(existing, node),
                    None => old.push(node),
                }
            }
        }
        (_, data) => *base = Node { pos, data },
    }
}

fn name_of(node: &Node) -> Option<&str> {
    node.get("name")?.as_text()
}

fn keys(node: &Node) -> Vec<&str> {
    if let Data::Map(entries) = &node.data { entries.iter().map(|(k, _)| k.text.as_str()).collect() } else { Vec::new() }
}

/// One `--set`: a path of keys, names of list entries and list positions joined by dots (`\.` is a dot in a key), and a YAML value.
fn set(root: &mut Node, path: &str, raw: &str, found: &mut Collector) {
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
        match descend(node, part, pos, &so_far(), found) {
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
    let Some(target) = descend(node, last, pos, &parent, found) else { return };
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

/// The child of that name, made where a map does not have it yet.
fn descend<'a>(node: &'a mut Node, part: &str, pos: Pos, parent: &str, found: &mut Collector) -> Option<&'a mut Node> {
    let parent = if parent.is_empty() { "the stack file" } else { parent };
    if part.is_empty() {
        found.hint(pos, "a part of the path is empty", "write it as `--set components.keda.timeout=10m`");
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
                found.maybe(pos, format!("`{parent}` has no entry `{part}`"), hint);
                return None;
            };
            items.get_mut(at)
        }
        _ => {
            found.add(pos, format!("`{parent}` is a single value and has no `{part}`"));
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn apply_to(file: &str, profiles: &[&str], set: &[(&str, &str)]) -> Result<Value, String> {
        let mut found = Collector::default();
        found.source("stack.yaml", file);
        let mut root = yaml::parse(file).unwrap();
        let overrides = Overrides {
            profiles: profiles.iter().map(|&p| p.to_owned()).collect(),
            set: set.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
            architecture: "amd64".into(),
        };
        apply(&mut root, &overrides, &mut found);
        found.finish(root.to_value()).map_err(|findings| findings.to_string())
    }

    const FILE: &str = "parameters: {port: 80}\nlist: [{name: a, x: 1, l: [1, 2]}, {name: b}]\nprofiles:\n  small: {list: [{name: a, l: [3]}, {name: c}], new: 1}\n";

    #[test]
    fn a_profile_merges_maps_by_key_and_named_lists_by_name() {
        let value = apply_to(FILE, &["small"], &[]).unwrap();
        assert_eq!(value["list"], json!([{"name": "a", "x": 1, "l": [3]}, {"name": "b"}, {"name": "c"}]));
        assert_eq!(value["new"], 1);
    }

    #[test]
    fn set_goes_through_names_positions_and_escaped_dots() {
        let value =
            apply_to(FILE, &["small"], &[("list.b.y.io\\.x", "[1, {z: 2}]"), ("list.0.x", "7"), ("parameters.port", "81")]).unwrap();
        assert_eq!(value["list"][1], json!({"name": "b", "y": {"io.x": [1, {"z": 2}]}}));
        assert_eq!(value["list"][0]["x"], 7);
        assert_eq!(value["parameters"]["port"], 81);
    }

    #[test]
    fn a_parameter_keeps_its_type() {
        let file = "parameters: {t: '1', n: 1}";
        let value = apply_to(file, &[], &[("parameters.t", "1.10"), ("parameters.n", "2")]).unwrap();
        assert_eq!(value["parameters"], json!({"t": "1.10", "n": 2}));
        let error = apply_to(file, &[], &[("parameters.n", "two")]).unwrap_err();
        assert!(error.starts_with("--set:1:14: the parameter `n` is a number, found `two`"), "{error}");
    }

    #[test]
    fn bad_overrides_say_what_there_is() {
        let set = [("parameters.prot", "1"), ("list.z.x", "1"), ("list.a.x.y", "1"), ("a..b", "1"), ("new", "[1")];
        insta::assert_snapshot!(apply_to(FILE, &["smal", "huge"], &set).unwrap_err(), @r#"
        --profile:1:1: there is no profile `smal`
          smal
          ^
          hint: did you mean `small`?

        --profile:1:1: there is no profile `huge`
          huge
          ^
          hint: profiles: `small`

        --set:1:12: there is no parameter `prot`
          parameters.prot=1
                     ^
          hint: did you mean `port`?

        --set:1:6: `list` has no entry `z`
          list.z.x=1
               ^
          hint: did you mean `a`?

        --set:1:10: `list.a.x` is a single value and has no `y`
          list.a.x.y=1
                   ^

        --set:1:3: a part of the path is empty
          a..b=1
            ^
          hint: write it as `--set components.keda.timeout=10m`

        --set:1:5: unclosed bracket '['
          new=[1
              ^
          hint: the value is read as YAML; quote it to make it a text

        7 errors
        "#);
        assert!(apply_to("a: 1", &["x"], &[]).unwrap_err().contains("this stack has no profiles"));
    }
}
