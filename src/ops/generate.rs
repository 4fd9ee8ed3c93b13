//! `--check schema`: what the schemas of the pinned versions and the linter say of generated objects. No cluster is asked.

use super::check::{ServerReport, Verdict};
use crate::failure::{Failure, FailureKind};
use crate::generate::{Document, render};
use crate::kinds::{self, Lookup};
use crate::lint::{self, Set, Severity, Source, Surroundings};
use crate::spec::{Profile, ServiceSpec};
use crate::yaml::{self, Node};

/// Where the generated text is, for people.
const FILE: &str = "generated";

/// Looks at each object as the API server would, and then at all of them together.
///
/// # Errors
/// When the text that was generated is not YAML, which is a defect of tstack.
pub fn check_schema(spec: &ServiceSpec, documents: &[Document]) -> Result<ServerReport, Failure> {
    let text = render(documents);
    let nodes = yaml::parse_nodes(&text).map_err(|error| Failure::internal("the generated text is not YAML").because(&error))?;
    let mut verdicts: Vec<Verdict> = documents.iter().zip(&nodes).map(|(document, node)| verdict(document, node)).collect();
    let profile = match spec.profile {
        Profile::Local => lint::Profile::Local,
        Profile::Production => lint::Profile::Production,
    };
    let set = Set::new(vec![Source { file: FILE.into(), text }], nodes, Surroundings { profile, ..Surroundings::default() });
    for finding in lint::run(&set) {
        let said = format!("{}: {}. {}", finding.rule, finding.message, finding.remedy);
        let Some(verdict) = verdicts.iter_mut().find(|verdict| verdict.object.to_string() == finding.object) else { continue };
        if finding.severity == Severity::Error {
            let failure = verdict.refusal.take().unwrap_or_else(|| refused(&verdict.object));
            verdict.refusal = Some(failure.why(said));
        } else {
            verdict.warnings.push(said);
        }
    }
    let unproven = vec![
        "what webhooks and controllers say: `--check server` asks the API server of a running stack, `--check live` applies the objects"
            .to_owned(),
    ];
    Ok(ServerReport { asked: "the schemas of the pinned versions and the linter".into(), verdicts, unproven })
}

fn refused(object: &crate::stack::ObjectId) -> Failure {
    Failure::new(FailureKind::Check, format!("{object} would be refused, or would not do what it says"))
}

fn verdict(document: &Document, node: &Node) -> Verdict {
    let object = document.id.clone();
    let faults: Vec<String> = match kinds::find(&object.api_version, &object.kind) {
        Lookup::Known(kind) => kind
            .check(node)
            .into_iter()
            .map(|fault| match fault.hint {
                Some(hint) => format!("{}: {}; {hint}", fault.pointer, fault.message),
                None => format!("{}: {}", fault.pointer, fault.message),
            })
            .collect(),
        _ => vec![format!("no schema of {} in {} is known", object.kind, object.api_version)],
    };
    let refusal = (!faults.is_empty()).then(|| faults.into_iter().fold(refused(&object), Failure::why));
    Verdict { object, warnings: Vec::new(), refusal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{objects, template, templates};
    use crate::spec;

    #[test]
    fn every_template_is_good_by_schema_and_linter() {
        for t in templates() {
            let (spec, _) = spec::read(t.name, template(t.name).unwrap().as_bytes(), &[]).unwrap();
            let report = check_schema(&spec, &objects(&spec)).unwrap();
            assert_eq!(report.failure(), None, "{}", t.name);
            assert!(!report.verdicts.is_empty());
        }
    }

    #[test]
    fn what_the_schema_refuses_is_said_of_its_object() {
        let (spec, _) = spec::read("x", template("basic-route").unwrap().as_bytes(), &[]).unwrap();
        let mut documents = objects(&spec);
        let gateway = documents.iter_mut().find(|document| document.id.kind == "Gateway").unwrap();
        gateway.body.put("spce", 1_u32);
        let report = check_schema(&spec, &documents).unwrap();
        let refusals: Vec<_> = report.verdicts.iter().filter_map(|verdict| verdict.refusal.clone()).collect();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].what, "Gateway task-api/task-api-gateway would be refused, or would not do what it says");
        assert!(refusals[0].why[0].starts_with("/spce: "), "{:?}", refusals[0].why);
    }
}
