//! The templates, by the real program, on the real cluster.

use serde_json::Value;

use crate::support::{Sandbox, holds, part, told};

/// Each template, and checks that follow from what it promises.
const TEMPLATES: [(&str, &[&str]); 4] = [
    ("basic-route", &["https", "certificate names"]),
    ("protected-route", &["user rate limit", "anonymous rate limit", "circuit breaker"]),
    ("autoscaled-service", &["scaler ready", "scaler's query has a value"]),
    ("production-stack", &["https", "certificate names", "user rate limit", "circuit breaker", "scaler ready"]),
];

pub(super) fn each_holds_on_the_cluster(s: &Sandbox, name: &str) {
    part("templates, checked live");
    let list = s.tstack(name, &["generate", "--list", "--output", "json"]).well();
    let listed: Vec<Value> = told::data(&list, "templates").as_array().unwrap().clone();
    holds("the templates are those that are tried here", listed.len() == TEMPLATES.len(), || list.all());
    for (template, promised) in TEMPLATES {
        let said = s.tstack(name, &["generate", template, "--check", "live", "--output", "json"]).well();
        let checks = told::checks(&said);
        let passed = |word: &&&str| checks.iter().any(|check| check.passed && check.name.contains(**word));
        let missing: Vec<&&str> = promised.iter().filter(|word| !passed(word)).collect();
        holds(&format!("{template}: {} checks passed in {:.0} s", checks.len(), said.took.as_secs_f64()), missing.is_empty(), || {
            format!("no check of {missing:?} passed\n{}", said.all())
        });
    }
}
