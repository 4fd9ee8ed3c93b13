//! The values that the API server fills in before it looks at an object.

use serde_json::Value;

use super::schema::Schema;
use crate::yaml::{Data, Key, Node};

/// The object with the defaults of its schema in the places where nothing is; what is added has the place of what it is added to.
pub(super) fn filled(object: &Node, schema: &Schema) -> Node {
    let data = match &object.data {
        Data::Map(entries) => Data::Map(filled_map(object, entries, schema)),
        Data::List(items) => match &schema.items {
            Some(inner) => Data::List(items.iter().map(|item| filled(item, inner)).collect()),
            None => return object.clone(),
        },
        _ => return object.clone(),
    };
    Node::new(object.pos, data)
}

fn filled_map(object: &Node, entries: &[(Key, Node)], schema: &Schema) -> Vec<(Key, Node)> {
    let inner = |key: &str| schema.property(key);
    let mut map: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match inner(&key.text) {
            // a null where none may be is dropped before anybody looks
            Some(_) if value.data == Data::Null => {}
            Some(schema) => map.push((key.clone(), filled(value, schema))),
            None => map.push((key.clone(), value.clone())),
        }
    }
    for (name, schema) in &schema.properties {
        if let Some(default) = &schema.default
            && !map.iter().any(|(key, _)| key.text == **name)
        {
            let value = filled(&node(default, object), schema);
            map.push((Key { pos: object.pos, text: name.to_string() }, value));
        }
    }
    map
}

fn node(value: &Value, at: &Node) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(b) => Data::Bool(*b),
        Value::Number(n) => Data::Number(n.clone()),
        Value::String(s) => Data::Text(s.clone()),
        Value::Array(items) => Data::List(items.iter().map(|item| node(item, at)).collect()),
        Value::Object(map) => Data::Map(map.iter().map(|(key, value)| (Key { pos: at.pos, text: key.clone() }, node(value, at))).collect()),
    };
    Node::new(at.pos, data)
}
