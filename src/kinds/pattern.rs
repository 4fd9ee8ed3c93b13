//! Regular expressions as Go writes them, compiled once each.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde::{Deserialize, Deserializer};

/// All that were compiled so far: the same few patterns stand in many places of the schemas.
static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// A regular expression; none where Rust cannot read it (a test reads all that the schemas have).
pub(super) fn compiled(pattern: &str) -> Option<Regex> {
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(pattern) {
        return known.clone();
    }
    let made = Regex::new(&ascii(pattern)).ok();
    all.insert(pattern.to_owned(), made.clone());
    made
}

/// Go's `\d`, `\w` and `\s` mean ASCII, Rust's all of Unicode.
fn ascii(pattern: &str) -> String {
    let (mut out, mut in_class) = (String::with_capacity(pattern.len()), false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            in_class = (in_class || c == '[') && c != ']';
            out.push(c);
            continue;
        }
        let escaped = chars.next().unwrap_or('\\');
        let range = match escaped {
            'd' => "0-9",
            'w' => "0-9A-Za-z_",
            's' => r"\t\n\x0C\r ",
            other => {
                out.extend(['\\', other]);
                continue;
            }
        };
        if in_class { out.push_str(range) } else { out.extend(["[", range, "]"]) }
    }
    out
}

/// A pattern of a schema.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: Box<str>,
    regex: std::sync::OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.get_or_init(|| compiled(&self.text)).as_ref().is_none_or(|regex| regex.is_match(text))
    }

    #[cfg(test)]
    pub(super) fn is_readable(&self) -> bool {
        compiled(&self.text).is_some()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: Box::deserialize(deserializer)?, regex: std::sync::OnceLock::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_words_are_ascii() {
        assert_eq!(ascii(r"^[\w-]+\d\.(\s)$"), r"^[0-9A-Za-z_-]+[0-9]\.([\t\n\x0C\r ])$");
        assert!(compiled(r"^\w$").unwrap().is_match("a") && !compiled(r"^\w$").unwrap().is_match("é"));
        assert!(compiled("(").is_none());
    }
}
