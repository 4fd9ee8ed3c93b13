//! A value inside an object, and where it is written.

use super::entry::Entry;
use crate::yaml::{Data, Key, Node, Pos};

/// One step of a path.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// A value inside an object: rules walk from place to place, and point at one.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The object that it is in.
    pub entry: &'a Entry,
    /// The value.
    pub node: &'a Node,
    key: Option<&'a Key>,
    path: Vec<Step<'a>>,
}

impl<'a> Place<'a> {
    pub(super) const fn root(entry: &'a Entry) -> Self {
        Self { entry, node: &entry.node, key: None, path: Vec::new() }
    }

    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Self> {
        let Data::Map(entries) = &self.node.data else { return None };
        let (key, node) = entries.iter().find(|(k, _)| k.text == key)?;
        let mut path = self.path.clone();
        path.push(Step::Key(&key.text));
        Some(Self { entry: self.entry, node, key: Some(key), path })
    }

    /// What a JSON pointer of keys and positions leads to. Keys with `/` in them have `~1` for it.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        let mut place = self.clone();
        for part in pointer.split('/').skip(1) {
            place = match &place.node.data {
                Data::List(_) => place.item(part.parse().ok()?)?,
                _ if part.contains('~') => place.get(&part.replace("~1", "/").replace("~0", "~"))?,
                _ => place.get(part)?,
            };
        }
        Some(place)
    }

    fn item(&self, index: usize) -> Option<Self> {
        let Data::List(items) = &self.node.data else { return None };
        let mut path = self.path.clone();
        path.push(Step::Index(index));
        Some(Self { entry: self.entry, node: items.get(index)?, key: None, path })
    }

    /// The items of a list; none where it is no list.
    pub fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let count = if let Data::List(items) = &self.node.data { items.len() } else { 0 };
        let place = self.clone();
        (0..count).filter_map(move |index| place.item(index))
    }

    /// The entries of a map with their keys; none where it is no map.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let keys: Vec<&'a str> =
            if let Data::Map(entries) = &self.node.data { entries.iter().map(|(key, _)| key.text.as_str()).collect() } else { Vec::new() };
        let place = self.clone();
        keys.into_iter().filter_map(move |key| place.get(key).map(|value| (key, value)))
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.node.as_text()
    }

    /// The whole number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        if let Data::Number(number) = &self.node.data { number.as_i64() } else { None }
    }

    /// The boolean, where it is one.
    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        if let Data::Bool(flag) = self.node.data { Some(flag) } else { None }
    }

    /// The text at a key, in one step.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&'a str> {
        self.node.get(key)?.as_text()
    }

    /// Where it is written: at its key, or where the value begins in a list.
    #[must_use]
    pub fn pos(&self) -> Pos {
        self.key.map_or(self.node.pos, |key| key.pos)
    }

    /// The JSON pointer of it in its object, `/spec/rules/0`.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            text.push('/');
            match step {
                Step::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => text.push_str(&index.to_string()),
            }
        }
        text
    }

    /// The path as people write it: `spec.rules[0].matches`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
            }
        }
        text
    }
}
