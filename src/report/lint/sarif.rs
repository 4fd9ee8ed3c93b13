//! SARIF 2.1.0, for code scanning and editors.

use serde_json::{Value, json};

use super::human::level;
use crate::lint::{Finding, Page, Severity};

/// Where the schema of the format is.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One run with its rules, whose help is the text of their pages, and its results.
#[must_use]
pub fn sarif(findings: &[Finding], version: &str) -> String {
    let mut pages: Vec<Page> = Page::all().filter(|page| findings.iter().any(|finding| finding.rule == page.rule)).collect();
    pages.sort_by_key(|page| page.rule);
    let rules: Vec<Value> = pages.iter().map(rule).collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &pages)).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "tstack", "version": version, "semanticVersion": version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    crate::report::json_document(&document)
}

fn rule(page: &Page) -> Value {
    let severity = if page.severity == "note" { "note" } else { page.severity };
    json!({
        "id": page.rule,
        "name": page.name,
        "shortDescription": {"text": page.title},
        "help": {"text": page.text, "markdown": page.text},
        "defaultConfiguration": {"level": severity},
    })
}

fn result(finding: &Finding, pages: &[Page]) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&finding.file)},
            "region": {"startLine": finding.line, "startColumn": finding.column},
        },
    });
    if !finding.object.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": finding.object, "kind": "object"}]);
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": if finding.severity == Severity::Note { "note" } else { level(finding.severity) },
        "message": {"text": format!("{}. {}", finding.message, finding.remedy)},
        "locations": [location],
    });
    if let Some(index) = pages.iter().position(|page| page.rule == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    result
}

/// A relative reference: blanks and the like are no part of one.
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    file.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lint::human::tests::finding;

    /// The parts of the format that code scanning asks for, from the specification (SARIF 2.1.0, OASIS Standard).
    #[test]
    fn the_document_has_the_structure_that_the_format_asks_for() {
        let text = sarif(&[finding("a b.yaml", Severity::Error, "x", 1), finding("-", Severity::Note, "", 3)], "0.1.0");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&document["version"], &document["$schema"]), (&json!("2.1.0"), &json!(SCHEMA)));
        let run = &document["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region["startLine"].as_u64() >= Some(1) && region["startColumn"].as_u64() >= Some(1));
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty() && !rule["shortDescription"]["text"].as_str().unwrap().is_empty());
        }
        assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b.yaml");
    }
}
