//! Reading fields of objects, which may hold anything.

use std::collections::BTreeMap;

use serde_json::Value;

/// The text at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a JSON pointer, where there is one that is not empty.
pub(super) fn some_text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The entries of the list at a JSON pointer.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The number at a JSON pointer, where it fits.
pub(super) fn number<T: TryFrom<u64>>(value: &Value, pointer: &str) -> Option<T> {
    value.pointer(pointer).and_then(Value::as_u64).and_then(|number| T::try_from(number).ok())
}

/// The texts of the map at a JSON pointer: labels, annotations, data.
pub(super) fn texts<'a>(value: &'a Value, pointer: &str) -> BTreeMap<&'a str, &'a str> {
    let map = value.pointer(pointer).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

/// Whether labels are what a selector (`matchLabels`, `matchExpressions`) asks for. An empty selector takes all.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let equal = texts(selector, "/matchLabels").iter().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && list(selector, "/matchExpressions").iter().all(|one| {
            let found = labels.get(text(one, "/key"));
            let among = || found.is_some_and(|value| list(one, "/values").iter().any(|wanted| wanted == value));
            match text(one, "/operator") {
                "In" => among(),
                "NotIn" => !among(),
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_takes_what_has_all_of_its_labels_and_expressions() {
        let labels = BTreeMap::from([("app", "api"), ("tier", "front")]);
        let taken = |selector: Value| selects(&selector, &labels);
        assert!(taken(json!({})));
        assert!(taken(json!({"matchLabels": {"app": "api"}})));
        assert!(!taken(json!({"matchLabels": {"app": "api", "tier": "back"}})));
        let expression = |key: &str, operator: &str, values: &[&str]| {
            taken(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
        };
        assert!(expression("tier", "In", &["front", "back"]) && !expression("tier", "NotIn", &["front"]));
        assert!(expression("zone", "DoesNotExist", &[]) && expression("zone", "NotIn", &["a"]) && !expression("zone", "Exists", &[]));
    }
}
