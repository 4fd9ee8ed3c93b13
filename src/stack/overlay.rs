//! Profiles and `--set`: changes that are laid over the stack file.

use super::folder::Overrides;
use crate::input::{Collector, assign, suggest};
use crate::yaml::{Data, Node, Pos};

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
        assign(root, path, value, "the stack file", found);
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::yaml;

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
          hint: one dot stands between two parts

        --set:1:5: unclosed bracket '['
          new=[1
              ^
          hint: the value is read as YAML; quote it to make it a text

        7 errors
        "#);
        assert!(apply_to("a: 1", &["x"], &[]).unwrap_err().contains("this stack has no profiles"));
    }
}
