//! Rules of checks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, CheckFile, CheckKind, Component, values};
use crate::input::{Collector, parse_duration, suggest};
use crate::yaml::Node;

/// The checks in the order of the file, or what is wrong with them.
pub(super) fn resolve(files: &[CheckFile], components: &[Component], root: &Node, found: &mut Collector) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let base = format!("/checks/{index}");
        let at = root.value_pos_at(&format!("{base}/name"));
        if file.name.trim().is_empty() {
            found.add(at, "a check needs a name");
        }
        if let Some(first) = files[..index].iter().position(|f| f.name == file.name) {
            let place = found.place(root.value_pos_at(&format!("/checks/{first}/name")));
            found.add(at, format!("there is already a check `{}`, at {place}", file.name));
        }
        for (place, name) in file.needs.iter().enumerate() {
            if !components.iter().any(|component| component.name == *name) {
                let names = components.iter().map(|component| component.name.as_str());
                let at = root.value_pos_at(&format!("{base}/needs/{place}"));
                found.maybe(at, format!("there is no component `{name}`"), suggest(name, names, "components"));
            }
        }
        let mut kinds = kinds(file);
        if kinds.len() != 1 {
            let seen = kinds.iter().map(CheckKind::word).collect::<Vec<_>>().join(" and ");
            let seen = if seen.is_empty() { "none" } else { &seen };
            found.hint(
                root.value_pos_at(&base),
                format!("check `{}` must have exactly one kind, found {seen}", file.name),
                "kinds: `http`, `tls`, `rateLimit`, `circuitBreaker`, `condition`, `promql`, `autoscale`",
            );
            continue;
        }
        if let Some(kind) = kinds.pop() {
            if kind.puts_load() && !file.needs.is_empty() {
                found.hint(
                    root.value_pos_at(&format!("{base}/needs")),
                    format!("check `{}` puts load on the stack, so it runs when all of it is ready", file.name),
                    "leave out `needs`",
                );
            }
            let base = format!("{base}/{}", kind.word());
            Rules { root, base: &base, found }.check(&kind);
            checks.push(Check { name: file.name.clone(), deep: file.deep, needs: file.needs.clone(), kind });
        }
    }
    checks
}

fn kinds(file: &CheckFile) -> Vec<CheckKind> {
    [
        file.http.clone().map(CheckKind::Http),
        file.tls.clone().map(CheckKind::Tls),
        file.rate_limit.clone().map(CheckKind::RateLimit),
        file.circuit_breaker.clone().map(CheckKind::CircuitBreaker),
        file.condition.clone().map(CheckKind::Condition),
        file.promql.clone().map(CheckKind::Promql),
        file.autoscale.clone().map(CheckKind::Autoscale),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Rules<'a> {
    root: &'a Node,
    base: &'a str,
    found: &'a mut Collector,
}

impl Rules<'_> {
    fn check(&mut self, kind: &CheckKind) {
        match kind {
            CheckKind::Http(c) => {
                self.request(&c.url, &c.headers);
                self.pointers("json", &c.json);
            }
            CheckKind::Tls(c) => self.given("address", values::check_address(&c.address)),
            CheckKind::RateLimit(c) => self.request(&c.url, &c.headers),
            CheckKind::CircuitBreaker(c) => {
                self.request(&c.url, &c.headers);
                if c.below == 0 || c.above <= c.below {
                    self.wrong("above", "`below` must be at least 1 and `above` greater than it".into());
                }
            }
            CheckKind::Condition(c) => {
                self.pointers("fields", &c.fields);
                if c.condition.is_none() && c.fields.is_empty() {
                    self.wrong("", "the check looks at nothing: it has neither `type` nor `fields`".into());
                }
                if !matches!(c.status.as_str(), "True" | "False" | "Unknown") {
                    self.wrong("status", format!("the status of a condition is `True`, `False` or `Unknown`, not `{}`", c.status));
                }
            }
            CheckKind::Promql(c) => {
                self.duration(c.within.as_deref());
                if c.query.trim().is_empty() {
                    self.wrong("query", "the query is empty".into());
                }
                if c.min.is_none() && c.max.is_none() {
                    self.wrong("", "every value passes: the check has neither `min` nor `max`".into());
                }
            }
            CheckKind::Autoscale(c) => {
                self.request(&c.url, &c.headers);
                self.duration(c.within.as_deref());
                if c.users == 0 {
                    self.wrong("users", "the load needs at least one user".into());
                }
            }
        }
    }

    fn wrong(&mut self, key: &str, message: String) {
        let pointer = if key.is_empty() { self.base.to_owned() } else { format!("{}/{key}", self.base) };
        self.found.add(self.root.value_pos_at(&pointer), message);
    }

    fn given(&mut self, key: &str, result: Result<(), String>) {
        if let Err(message) = result {
            self.wrong(key, message);
        }
    }

    fn duration(&mut self, text: Option<&str>) {
        self.given("within", text.map_or(Ok(()), |text| parse_duration(text).map(drop)));
    }

    fn request(&mut self, url: &str, headers: &BTreeMap<String, String>) {
        self.given("url", values::check_url(url));
        for (name, value) in headers {
            let key = format!("headers/{}", name.replace('~', "~0").replace('/', "~1"));
            if http::HeaderName::try_from(name.as_str()).is_err() {
                self.wrong(&key, format!("`{name}` is not the name of a header"));
            } else if http::HeaderValue::try_from(value.as_str()).is_err() {
                self.wrong(&key, format!("the value of the header `{name}` has characters that no header may have"));
            }
        }
    }

    fn pointers(&mut self, key: &str, fields: &BTreeMap<String, Value>) {
        for pointer in fields.keys().filter(|p| !p.is_empty() && !p.starts_with('/')) {
            let place = format!("{key}/{}", pointer.replace('~', "~0").replace('/', "~1"));
            self.wrong(&place, format!("`{pointer}` is not a JSON pointer: it must begin with `/`"));
        }
    }
}
