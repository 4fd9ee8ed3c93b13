//! The findings as one JSON document.

use serde_json::json;

use crate::lint::{Finding, Severity};

/// One document: how much was looked at, how many findings there are, and all of them.
#[must_use]
pub fn json(findings: &[Finding], notes: &[String], files: usize, objects: usize) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let document = json!({
        "files": files,
        "objects": objects,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notes": count(Severity::Note),
        "findings": findings,
        "leftOut": notes,
    });
    crate::report::json_document(&document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lint::human::tests::finding;

    #[test]
    fn the_document_has_the_counts_and_every_finding() {
        insta::assert_snapshot!(json(&[finding("a.yaml", Severity::Error, "x: 1", 1)], &["b.yaml: left out".into()], 2, 1), @r#"
        {
          "files": 2,
          "objects": 1,
          "errors": 1,
          "warnings": 0,
          "notes": 0,
          "findings": [
            {
              "rule": "TS210",
              "severity": "error",
              "file": "a.yaml",
              "line": 9,
              "column": 1,
              "object": "HTTPRoute shop/shop",
              "message": "the weights of all backends are 0",
              "remedy": "Give at least one backend a weight above 0.",
              "source": "x: 1",
              "fixable": false
            }
          ],
          "leftOut": [
            "b.yaml: left out"
          ]
        }
        "#);
    }
}
