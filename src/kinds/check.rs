//! Holds an object against the schema of its kind.

use serde_json::Value;

use super::index::Kind;
use super::path::Path;
use super::schema::{ListType, Schema, Type};
use super::{Cause, Fault, builtin, defaults, format, meta, rules, words};
use crate::input::{nearest, suggest};
use crate::yaml::{Data, Node};

/// More keys than these are not listed where none is near.
const KEYS_SHOWN: usize = 12;

impl Kind {
    /// Everything that a create of this object with strict field validation would be refused for, in the order of the object.
    /// The object must be a map whose `apiVersion` and `kind` are this kind's.
    #[must_use]
    pub fn check(&self, object: &Node) -> Vec<Fault> {
        let root = self.schema();
        let custom = self.is_custom();
        let mut checker = Checker { kind: self, custom, root, faults: Vec::new() };
        let path = Path::root(self.kind);
        // built-in kinds get their defaults in code, custom ones before they are validated
        let filled = custom.then(|| defaults::filled(object, root));
        let object = filled.as_ref().unwrap_or(object);
        checker.node(object, root, path);
        if custom {
            rules::judge(object, root, path, self.drops_status, &mut checker.faults);
        } else {
            builtin::judge(self, object, &mut checker.faults);
        }
        meta::object(self, object, &mut checker.faults);
        checker.faults
    }
}

struct Checker<'a> {
    kind: &'a Kind,
    custom: bool,
    root: &'a Schema,
    faults: Vec<Fault>,
}

impl<'a> Checker<'a> {
    fn at(&mut self, path: Path<'_>, cause: Cause, message: String, hint: Option<String>) {
        self.faults.push(Fault { pointer: path.pointer(), on_key: false, message, hint, cause });
    }

    fn on_key(&mut self, path: Path<'_>, cause: Cause, message: String, hint: Option<String>) {
        self.faults.push(Fault { pointer: path.pointer(), on_key: true, message, hint, cause });
    }

    /// A value with everything in it.
    fn node(&mut self, node: &Node, schema: &'a Schema, path: Path<'_>) {
        if let Some(reference) = &schema.reference {
            meta::referenced(reference, node, path, &mut self.faults);
            if let Some(target) = self.root.definition(reference) {
                self.node(node, target, path);
            }
        }
        // Go reads a null into the zero value
        if node.data == Data::Null && !self.custom {
            return;
        }
        if !self.fits(node, schema) {
            let wanted = words::wanted(schema);
            let message = format!("{path} must be {wanted}, found {}", words::seen(node));
            return self.at(path, Cause::WrongType, message, words::quoting(schema, node));
        }
        match &node.data {
            Data::Map(entries) => {
                for (key, value) in entries {
                    self.entry(&key.text, value, schema, path);
                }
            }
            Data::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    if let Some(schema) = &schema.items {
                        self.node(item, schema, path.item(at));
                    }
                }
                self.twice(items, schema, path);
            }
            _ => {}
        }
        self.values(node, schema, path);
    }

    fn entry(&mut self, key: &str, value: &Node, schema: &'a Schema, path: Path<'_>) {
        let here = path.key(key);
        if let Some(inner) = schema.property(key) {
            // a create drops the status before anybody looks at more than its keys
            let before = self.faults.len();
            self.node(value, inner, here);
            if path.is_root() && key == "status" && self.kind.drops_status {
                let mut at = 0;
                self.faults.retain(|fault| {
                    at += 1;
                    at <= before || fault.cause == Cause::UnknownKey || (!self.custom && fault.cause == Cause::WrongType)
                });
            }
        } else if !schema.preserve && schema.reference.is_none() {
            let known = schema.properties.keys().map(|key| &**key);
            let hint = if schema.properties.len() <= KEYS_SHOWN {
                suggest(key, known.collect::<Vec<_>>(), "keys")
            } else {
                nearest(key, known).map(|near| format!("did you mean `{near}`?"))
            };
            self.on_key(here, Cause::UnknownKey, format!("{path} has no key `{key}`"), hint);
        }
    }

    /// Whether the type is right.
    fn fits(&self, node: &Node, schema: &Schema) -> bool {
        let whole = |number: &serde_json::Number| number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0);
        match (schema.kind, &node.data) {
            (None, Data::Number(n)) if schema.int_or_string => whole(n) || (!self.custom && schema.format.is_some()),
            (None, data) => !schema.int_or_string || matches!(data, Data::Text(_)),
            (Some(Type::Integer), Data::Number(n)) => whole(n),
            (Some(kind), data) => matches!(
                (kind, data),
                (Type::Object, Data::Map(_))
                    | (Type::Array, Data::List(_))
                    | (Type::String, Data::Text(_))
                    | (Type::Number, Data::Number(_))
                    | (Type::Boolean, Data::Bool(_))
            ),
        }
    }

    /// Items that a list of the type `set` or `map` has more than once.
    fn twice(&mut self, items: &[Node], schema: &Schema, path: Path<'_>) {
        if schema.list_type == ListType::Atomic || !self.custom {
            return;
        }
        let identity = |item: &Node| match schema.list_type {
            ListType::Map => schema.map_keys.iter().map(|key| item.get(key).map(Node::to_value)).collect::<Vec<_>>(),
            _ => vec![Some(item.to_value())],
        };
        let all: Vec<_> = items.iter().map(identity).collect();
        for (at, this) in all.iter().enumerate() {
            if let Some(first) = all[..at].iter().position(|other| other == this) {
                let (here, there) = (path.item(at), path.item(first));
                let keys: Vec<String> = schema.map_keys.iter().map(|key| format!("`{key}`")).collect();
                let message = match keys.as_slice() {
                    [] => format!("{here} is the same as {there}"),
                    [key] => format!("{here} has the same {key} as {there}"),
                    keys => format!("{here} has the same {} as {there}", keys.join(" and ")),
                };
                self.at(here, Cause::Duplicate, message, None);
            }
        }
    }

    /// What a schema says of a value of the right type, but for what is in it.
    fn values(&mut self, node: &Node, schema: &'a Schema, path: Path<'_>) {
        match &node.data {
            Data::Map(entries) => {
                let custom = self.custom;
                let missing = |key: &str| node.get(key).is_none_or(|value| value.data == Data::Null && !custom);
                for key in schema.required.iter().filter(|key| missing(key)) {
                    self.on_key(path, Cause::MissingKey, format!("{path} needs the key `{key}`"), None);
                }
                self.length(entries.len(), (schema.min_properties, schema.max_properties), ("entry", "entries"), path);
            }
            Data::List(items) => self.length(items.len(), (schema.min_items, schema.max_items), ("item", "items"), path),
            Data::Text(text) => {
                self.length(text.chars().count(), (schema.min_length, schema.max_length), ("character", "characters"), path);
                if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                    let message = format!("{path} must be {}, found {}", words::form(&pattern.text), words::seen(node));
                    self.at(path, Cause::Form, message, None);
                }
            }
            Data::Number(number) => {
                let value = number.as_f64().unwrap_or_default();
                if schema.minimum.is_some_and(|low| value < low) || schema.maximum.is_some_and(|high| value > high) {
                    let range = words::range(schema.minimum, schema.maximum);
                    self.at(path, Cause::Range, format!("{path} must be {range}, found {number}"), None);
                }
            }
            Data::Null | Data::Bool(_) => {}
        }
        if let Some(wanted) = schema.format.as_ref().and_then(|name| format::broken(name, node)) {
            let found = if schema.format.as_deref() == Some("byte") { "what is not".into() } else { words::seen(node) };
            self.at(path, Cause::Form, format!("{path} must be {wanted}, found {found}"), None);
        }
        self.listed(node, schema, path);
        self.alternatives(node, schema, path);
    }

    fn length(&mut self, found: usize, (low, high): (Option<usize>, Option<usize>), (one, many): (&str, &str), path: Path<'_>) {
        if low.is_some_and(|low| found < low) || high.is_some_and(|high| found > high) {
            let wanted = words::count(low, high, one, many);
            let found = if found == 0 { "none".to_owned() } else { found.to_string() };
            self.at(path, Cause::Length, format!("{path} must have {wanted}, found {found}"), None);
        }
    }

    fn listed(&mut self, node: &Node, schema: &Schema, path: Path<'_>) {
        if schema.listed.is_empty() || schema.listed.iter().any(|value| same(node, value)) {
            return;
        }
        let text = node.as_text();
        // Go cannot tell an empty text from none, and fills in its default
        if !self.custom && text == Some("") {
            return;
        }
        let near = text.and_then(|text| nearest(text, schema.listed.iter().filter_map(Value::as_str)));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.at(path, Cause::NotListed, format!("{path} must be {}, found {}", words::listed(&schema.listed), words::seen(node)), hint);
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`, which say more of values and never of keys.
    fn alternatives(&mut self, node: &Node, schema: &'a Schema, path: Path<'_>) {
        for all in &schema.all_of {
            self.more(node, all, path);
        }
        for (alternatives, one) in [(&schema.any_of, false), (&schema.one_of, true)] {
            let faults: Vec<Vec<Fault>> = alternatives.iter().map(|alternative| self.quietly(node, alternative, path)).collect();
            let fitting = faults.iter().filter(|faults| faults.is_empty()).count();
            if alternatives.is_empty() || fitting == 1 || (fitting > 1 && !one) {
                continue;
            }
            // what is wrong with the alternative that was likely meant
            let nearest = faults.into_iter().filter(|faults| !faults.is_empty()).min_by_key(Vec::len).unwrap_or_default();
            let reason = |fault: Fault| fault.hint.filter(|_| fault.cause == Cause::Combination).unwrap_or(fault.message);
            let reasons: Vec<String> = nearest.into_iter().map(reason).collect();
            let hint = (!reasons.is_empty()).then(|| reasons.join(", and "));
            self.at(path, Cause::Combination, format!("{path} fits none of its forms"), hint);
        }
        if let Some(not) = &schema.not
            && self.quietly(node, not, path).is_empty()
        {
            self.at(path, Cause::Combination, format!("{path} must not be {}", words::seen(node)), None);
        }
    }

    /// A schema within `allOf` and the like: values here and below.
    fn more(&mut self, node: &Node, schema: &'a Schema, path: Path<'_>) {
        for (key, inner) in &schema.properties {
            if let Some(value) = node.get(key) {
                self.more(value, inner, path.key(key));
            }
        }
        if let (Some(inner), Data::List(items)) = (&schema.items, &node.data) {
            for (at, item) in items.iter().enumerate() {
                self.more(item, inner, path.item(at));
            }
        }
        self.values(node, schema, path);
    }

    fn quietly(&self, node: &Node, schema: &'a Schema, path: Path<'_>) -> Vec<Fault> {
        let mut quiet = Checker { kind: self.kind, custom: self.custom, root: self.root, faults: Vec::new() };
        quiet.more(node, schema, path);
        quiet.faults
    }
}

fn same(node: &Node, value: &Value) -> bool {
    match (&node.data, value) {
        (Data::Text(a), Value::String(b)) => a == b,
        (Data::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Data::Bool(a), Value::Bool(b)) => a == b,
        (Data::Null, Value::Null) => true,
        _ => false,
    }
}
