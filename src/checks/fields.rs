//! Values that a JSON document must have.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is wanted, in one line: `/version = "v1", /count = 3`.
pub(super) fn wanted(fields: &BTreeMap<String, Value>) -> String {
    fields.iter().map(|(pointer, value)| format!("{pointer} = {value}")).collect::<Vec<_>>().join(", ")
}

/// What of it differs in the document, one sentence each.
pub(super) fn differences(document: &Value, fields: &BTreeMap<String, Value>) -> Vec<String> {
    let difference = |(pointer, value): (&String, &Value)| match document.pointer(pointer) {
        Some(found) if same(found, value) => None,
        Some(found) => Some(format!("{pointer} is {found}, expected {value}")),
        None => Some(format!("{pointer} is not there, expected {value}")),
    };
    fields.iter().filter_map(difference).collect()
}

/// Equal, where `1` and `1.0` are the same number.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) if found.total_cmp(&wanted).is_eq() => true,
        _ => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_the_place_and_both_values() {
        let fields = BTreeMap::from([("/a/b".to_owned(), json!(1)), ("/c".to_owned(), json!("x")), ("/d".to_owned(), json!(2))]);
        let found = differences(&json!({"a": {"b": 1.0}, "c": "y"}), &fields);
        assert_eq!(found, [r#"/c is "y", expected "x""#, "/d is not there, expected 2"]);
        assert_eq!(wanted(&fields), r#"/a/b = 1, /c = "x", /d = 2"#);
    }
}
