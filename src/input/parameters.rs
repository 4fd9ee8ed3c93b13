//! Parameters: `${name}` in files that people write.

use std::cell::Cell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finding::{Collector, suggest};
use crate::yaml::{Data, Node, Pos};

/// How many bytes parameters may bring into the files of one stack: a long value that is named often would fill the memory.
const MOST_FILLED: usize = 16 << 20;

/// A parameter's value: a text, a number or a boolean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Parameter {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(String),
}

/// The values that names stand for.
#[derive(Default)]
pub struct Parameters {
    values: Vec<(String, Data)>,
    late: &'static [&'static str],
    /// The bytes that were filled in so far.
    filled: Cell<usize>,
}

impl Parameters {
    /// Takes the `parameters` of a file. Values that are no scalars are left to the schema. The names in `late` stand for texts that
    /// only a running check knows: they stay as they are within checks.
    pub fn of(root: &Node, late: &'static [&'static str], found: &mut Collector) -> Self {
        let mut values = Vec::new();
        let Some(Node { data: Data::Map(entries), .. }) = root.get("parameters") else {
            return Self { values, late, filled: Cell::default() };
        };
        for (key, node) in entries {
            if !is_name(&key.text) {
                found.hint(
                    key.pos,
                    format!("`{}` is not a name of a parameter", key.text),
                    "use letters, digits and `_`, with a letter first",
                );
            } else if late.contains(&key.text.as_str()) {
                found.add(key.pos, format!("`{}` is a name that checks use themselves", key.text));
            } else if node.as_text().is_some_and(|text| text.contains("${")) {
                found.add(node.pos, "the value of a parameter cannot refer to another one");
            }
            values.push((key.text.clone(), node.data.clone()));
        }
        Self { values, late, filled: Cell::default() }
    }

    /// Replaces every reference in a file, but for its parameters and profiles.
    pub fn fill_file(&self, root: &mut Node, found: &mut Collector) {
        let Data::Map(entries) = &mut root.data else { return };
        for (key, node) in entries {
            match key.text.as_str() {
                "parameters" | "profiles" => {}
                "checks" => self.fill(node, true, found),
                _ => self.fill(node, false, found),
            }
        }
    }

    /// Replaces every reference in the texts of a tree; keys stay as they are.
    pub fn fill(&self, node: &mut Node, in_check: bool, found: &mut Collector) {
        let pos = node.pos;
        match &mut node.data {
            Data::List(items) => items.iter_mut().for_each(|item| self.fill(item, in_check, found)),
            Data::Map(entries) => entries.iter_mut().for_each(|(_, item)| self.fill(item, in_check, found)),
            // what came before is told, and no more is filled in
            Data::Text(text) if text.contains("${") && self.filled.get() <= MOST_FILLED => {
                if let Some(data) = self.whole(text) {
                    node.data = data;
                } else {
                    *text = self.fill_text(text, pos, in_check, found);
                }
                let size = if let Data::Text(text) = &node.data { text.len() } else { size_of::<Data>() };
                self.filled.set(self.filled.get().saturating_add(size));
                if self.filled.get() > MOST_FILLED {
                    let message = format!("the texts with parameters are more than {} MiB by here", MOST_FILLED >> 20);
                    found.hint(pos, message, "a long text belongs into a file of its own");
                }
            }
            _ => {}
        }
    }

    /// The value itself, with its type, where the text is one reference and nothing else.
    fn whole(&self, text: &str) -> Option<Data> {
        let name = text.strip_prefix("${")?.strip_suffix('}')?;
        let (_, data) = self.values.iter().find(|(n, _)| n == name)?;
        // a list or a map is no parameter, as the schema says later; until then it is not multiplied
        (!matches!(data, Data::List(_) | Data::Map(_))).then(|| data.clone())
    }

    fn fill_text(&self, text: &str, pos: Pos, in_check: bool, found: &mut Collector) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let after = &from[2..];
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((name, end)) = after.split_once('}').filter(|(name, _)| is_name(name)) else {
                found.hint(pos, "`${` without a parameter's name and `}`", "write `$${` for the characters `${` themselves");
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = end;
            if self.late.contains(&name) {
                if !in_check {
                    found.add(pos, format!("`${{{name}}}` has a value only within checks"));
                }
                out.push_str(&from[..name.len() + 3]);
            } else if out.len() > MOST_FILLED {
                // told where it is counted
                return out;
            } else if let Some((_, data)) = self.values.iter().find(|(n, _)| n == name) {
                out.push_str(&as_text(data));
            } else {
                let known: Vec<&str> = self.values.iter().map(|(n, _)| n.as_str()).collect();
                let hint = suggest(name, known.iter().copied(), "parameters");
                let hint =
                    hint.unwrap_or_else(|| "declare it under `parameters`, or write `$${` for the characters `${` themselves".into());
                found.hint(pos, format!("there is no parameter `{name}`"), hint);
            }
        }
        out.push_str(rest);
        out
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn as_text(data: &Data) -> String {
    match Node::new(Pos::default(), data.clone()).to_value() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::yaml;

    fn filled(file: &str) -> Result<Value, String> {
        let mut found = Collector::default();
        found.source("stack.yaml", file);
        let mut root = yaml::parse(file).unwrap();
        Parameters::of(&root, &["unique", "user"], &mut found).fill_file(&mut root, &mut found);
        found.finish(root.to_value()).map_err(|findings| findings.to_string())
    }

    #[test]
    fn a_whole_reference_keeps_its_type_and_a_part_is_text() {
        let value = filled("parameters: {n: 5, t: x, b: true}\na: ['${n}', 'v${n}-${t}', '$${n}', '$$${t}', '${b}']\n").unwrap();
        assert_eq!(value["a"], json!([5, "v5-x", "${n}", "$${t}", true]));
    }

    #[test]
    fn a_long_value_that_is_named_often_does_not_fill_the_memory() {
        let long = "x".repeat(1 << 20);
        let once = "'${t}', ".repeat(1000);
        let error = filled(&format!("parameters:\n  t: {long}\na: [{once}]\n")).unwrap_err();
        assert!(error.contains("stack.yaml:3:133: the texts with parameters are more than 16 MiB by here\n"), "{error}");
        let within = "${t}".repeat(1000);
        let error = filled(&format!("parameters:\n  t: {long}\na: 'x{within}'\n")).unwrap_err();
        assert!(error.contains("stack.yaml:3:4: the texts with parameters are more than 16 MiB by here\n"), "{error}");
    }

    #[test]
    fn names_of_the_run_stay_within_checks() {
        let value = filled("parameters: {n: 5}\nchecks: ['${unique}', '${user}-${n}', '$${n}']\n").unwrap();
        assert_eq!(value["checks"], json!(["${unique}", "${user}-5", "${n}"]));
    }

    #[test]
    fn bad_references_are_found_with_their_place() {
        let file = "parameters: {userLimit: 5, unique: 1, a-b: 2, d: '${userLimit}'}\nx: ${userLimt}\ny: a ${unique}\nz: ${HOME:-/root}\nw: '${'\n";
        insta::assert_snapshot!(filled(file).unwrap_err(), @r#"
        stack.yaml:1:28: `unique` is a name that checks use themselves
          parameters: {userLimit: 5, unique: 1, a-b: 2, d: '${userLimit}'}
                                     ^

        stack.yaml:1:39: `a-b` is not a name of a parameter
          parameters: {userLimit: 5, unique: 1, a-b: 2, d: '${userLimit}'}
                                                ^
          hint: use letters, digits and `_`, with a letter first

        stack.yaml:1:50: the value of a parameter cannot refer to another one
          parameters: {userLimit: 5, unique: 1, a-b: 2, d: '${userLimit}'}
                                                           ^

        stack.yaml:2:4: there is no parameter `userLimt`
          x: ${userLimt}
             ^
          hint: did you mean `userLimit`?

        stack.yaml:3:4: `${unique}` has a value only within checks
          y: a ${unique}
             ^

        stack.yaml:4:4: `${` without a parameter's name and `}`
          z: ${HOME:-/root}
             ^
          hint: write `$${` for the characters `${` themselves

        stack.yaml:5:4: `${` without a parameter's name and `}`
          w: '${'
             ^
          hint: write `$${` for the characters `${` themselves

        7 errors
        "#);
    }
}
