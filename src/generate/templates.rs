//! The specifications that are part of the program.

use serde::Serialize;
use serde_json::Value;

use crate::yaml::{self, Data, Node};

// TEMPLATES, written by build.rs: name and text, by name
include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// A specification with parameters, ready to be used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Template {
    /// Its name: `basic-route`.
    pub name: &'static str,
    /// What it is for.
    pub description: String,
    /// What can be changed with `--set parameters.…`.
    pub parameters: Vec<TemplateParameter>,
}

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TemplateParameter {
    /// Its name.
    pub name: String,
    /// Its value where nothing else is said.
    pub default: Value,
    /// What it is: the comment beside it.
    pub about: String,
}

/// The text of a template.
#[must_use]
pub fn template(name: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// All templates, from the smallest to the whole.
#[must_use]
pub fn templates() -> Vec<Template> {
    let mut all: Vec<Template> = TEMPLATES.iter().map(|(name, text)| read(name, text)).collect();
    // the one with everything comes last; the others are in the order of their names
    all.sort_by_key(|template| (template.parameters.len() > 12, template.name));
    all
}

fn read(name: &'static str, text: &str) -> Template {
    let Ok(root) = yaml::parse(text) else { return Template { name, description: String::new(), parameters: Vec::new() } };
    let description = root.get("metadata").and_then(|m| m.get("description")).and_then(Node::as_text).unwrap_or_default();
    let about = |line: usize| {
        let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        line.split_once(" # ").map_or_else(String::new, |(_, comment)| comment.trim().to_owned())
    };
    let parameters = match root.get("parameters").map(|p| &p.data) {
        Some(Data::Map(entries)) => entries
            .iter()
            .map(|(key, value)| TemplateParameter { name: key.text.clone(), default: value.to_value(), about: about(key.pos.line) })
            .collect(),
        _ => Vec::new(),
    };
    Template { name, description: description.to_owned(), parameters }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn every_template_is_good_as_it_stands_and_says_what_its_parameters_are() {
        let all = templates();
        assert_eq!(
            all.iter().map(|t| t.name).collect::<Vec<_>>(),
            ["autoscaled-service", "basic-route", "protected-route", "production-stack"]
        );
        for t in all {
            let (read, warnings) = spec::read(t.name, template(t.name).unwrap().as_bytes(), &[]).unwrap();
            assert_eq!((read.name.as_str(), warnings), ("task-api", Vec::new()), "{}", t.name);
            assert!(!t.description.is_empty() && t.parameters.iter().all(|p| !p.about.is_empty()), "{t:?}");
        }
    }

    #[test]
    fn every_parameter_changes_what_is_generated() {
        for t in templates() {
            let digest = |settings: &[(String, String)]| {
                spec::read(t.name, template(t.name).unwrap().as_bytes(), settings).map(|(spec, _)| spec.digest).unwrap()
            };
            for parameter in &t.parameters {
                let other = match &parameter.default {
                    Value::Number(n) => (n.as_u64().unwrap() + 1).to_string(),
                    Value::String(text) if text.starts_with("http") => "http://elsewhere:9090".into(),
                    Value::String(text) => format!("{text}x"),
                    other => panic!("{other}"),
                };
                let changed = digest(&[(format!("parameters.{}", parameter.name), other)]);
                assert_ne!(changed, digest(&[]), "{} {}", t.name, parameter.name);
            }
        }
    }
}
