//! `docs/generate.md` lists every field of a specification, as its schema has them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::root;

const BEGIN: &str = "<!-- fields: written by the test generate_docs -->\n";
const END: &str = "<!-- end of fields -->\n";

/// The type of a value, references followed and `null` and `${parameter}` left out.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str() {
        return resolved(&root["$defs"][name.trim_start_matches("#/$defs/")], root);
    }
    let other =
        |option: &&Value| option["type"] != "null" && !option["pattern"].as_str().is_some_and(|pattern| pattern.starts_with(r"^\$\{"));
    match schema["anyOf"].as_array().and_then(|options| options.iter().find(other)) {
        Some(option) => resolved(option, root),
        None => schema,
    }
}

/// What a field takes, in a few words.
fn takes(schema: &Value, root: &Value) -> String {
    let kind = resolved(schema, root);
    if let Some(words) = kind["x-expects"].as_str() {
        return words.into();
    }
    let listed: Vec<&str> = match (&kind["oneOf"], &kind["enum"]) {
        (Value::Array(all), _) => all.iter().filter_map(|one| one["const"].as_str()).collect(),
        (_, Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !listed.is_empty() {
        return listed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    match kind["type"].as_str().unwrap_or_default() {
        "boolean" => "`true` or `false`".into(),
        "integer" | "number" => match (kind["minimum"].as_f64(), kind["maximum"].as_f64()) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => "a number".into(),
        },
        "array" => format!("a list: {}", takes(&kind["items"], root)),
        "object" if kind["properties"].is_object() => "a map".into(),
        "object" => "a map of texts".into(),
        _ => "a text".into(),
    }
}

fn about(field: &Value) -> String {
    field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// A row for each field of a map, and of the maps in it.
fn rows(prefix: &str, map: &Value, root: &Value, text: &mut String) {
    let required: Vec<&str> = map["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in map["properties"].as_object().into_iter().flatten() {
        let kind = resolved(field, root);
        let (inner, mark) = if kind["type"] == "array" { (resolved(&kind["items"], root), "[]") } else { (kind, "") };
        let must = if required.contains(&name.as_str()) { " (must be given)" } else { "" };
        writeln!(text, "| `{prefix}{name}{mark}`{must} | {} | {} |", takes(field, root), about(field)).unwrap();
        if inner["properties"].is_object() {
            rows(&format!("{prefix}{name}{mark}."), inner, root, text);
        }
    }
}

fn fields() -> String {
    let schema = tstack::spec::schema();
    let mut text = String::from("| field | takes | what it is |\n|---|---|---|\n");
    rows("", &schema, &schema, &mut text);
    text
}

/// `TSTACK_UPDATE_DOCS=1 cargo test --test it generate_docs` writes them anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch belongs to this test alone")]
fn every_field_is_in_the_document() {
    let path = root().join("docs/generate.md");
    let document = fs_err::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the mark where the fields begin");
    let (_, after) = rest.split_once(END).expect("the mark where they end");
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", fields());
    if std::env::var_os("TSTACK_UPDATE_DOCS").is_some() {
        fs_err::write(&path, &wanted).unwrap();
    }
    let written = fs_err::read_to_string(&path).unwrap();
    assert!(written == wanted, "docs/generate.md is stale: run `TSTACK_UPDATE_DOCS=1 cargo test --test it generate_docs`");
}

#[test]
fn every_template_is_in_the_document() {
    let document = fs_err::read_to_string(root().join("docs/generate.md")).unwrap();
    for template in tstack::generate::templates() {
        assert!(document.contains(&format!("`{}`", template.name)), "{}", template.name);
    }
}
