//! `--check server`: what the API server of a running stack says of objects. Nothing is changed.

use crate::failure::{Failure, FailureKind};
use crate::ops::session::{Session, Setup, Wanted};
use crate::plan::ClusterFact;
use crate::stack::{Object, ObjectId};
use crate::world::kube::{Admission, Cluster, FieldCause, STAND_IN};

/// What the API server says of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The object.
    pub object: ObjectId,
    /// Warnings that came with it, whether or not it would be taken.
    pub warnings: Vec<String>,
    /// Why it would not be taken; absent where it would.
    pub refusal: Option<Failure>,
}

/// What the API server says of a set.
#[derive(Clone, Debug)]
pub struct ServerReport {
    /// Who was asked: `tstack-task-api, Kubernetes v1.34.4`.
    pub asked: String,
    /// One for each object, in their order.
    pub verdicts: Vec<Verdict>,
    /// What this does not prove, a sentence each.
    pub unproven: Vec<String>,
}

impl ServerReport {
    /// The first refusal, which decides the exit code.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.verdicts.iter().find_map(|verdict| verdict.refusal.as_ref())
    }
}

/// Asks the API server of the running stack `name`, or of the context in `wanted`, about each object in a dry run.
///
/// # Errors
/// When there is no running cluster, or its API server does not answer. A refusal is in the report.
pub async fn server(setup: &Setup, name: &str, wanted: &Wanted, objects: &[Object]) -> Result<ServerReport, Failure> {
    let session = Session::open(setup, name, wanted, None).await?;
    let cluster = running(&session, name)?;
    let answers = cluster.dry_run_all(objects).await?;
    let mut unproven = Vec::new();
    let stood_in: std::collections::BTreeSet<&str> =
        objects.iter().zip(&answers).filter(|(_, answer)| answer.in_stand_in).map(|(object, _)| object.id.namespace.as_str()).collect();
    for namespace in stood_in {
        unproven.push(format!(
            "namespace `{namespace}` is not there: its objects were tried in `{STAND_IN}`, where quotas and policies may differ"
        ));
    }
    unproven.push("whether controllers take the objects, and what requests do: `--check live` shows that".to_owned());
    let verdicts = objects.iter().zip(answers).map(|(object, answer)| verdict(&object.id, answer.verdict)).collect();
    Ok(ServerReport { asked: format!("{}, Kubernetes {}", session.target_name(), cluster.version().await?), verdicts, unproven })
}

/// The API server of a stack that runs.
pub(super) fn running<'a>(session: &'a Session, name: &str) -> Result<&'a Cluster, Failure> {
    match &session.sight.cluster {
        Some(cluster) if matches!(session.sight.fact, ClusterFact::Running | ClusterFact::Named) => Ok(cluster),
        _ => {
            let why = session.sight.trouble.as_ref().map(|trouble| trouble.what.clone()).unwrap_or_default();
            Err(Failure::preflight(format!("there is no running cluster `{name}` to check on"))
                .why(why)
                .hint("`tstack up` brings one up; `--name` chooses among several.")
                .hint("`--check schema` needs no cluster."))
        }
    }
}

fn verdict(object: &ObjectId, admission: Admission) -> Verdict {
    match admission {
        Admission::Accepted(warnings) => Verdict { object: object.clone(), warnings, refusal: None },
        Admission::Refused { message, causes } => {
            let failure = Failure::new(FailureKind::Check, format!("the API server refuses {object}"));
            // the message repeats every cause in one long line
            let failure = if causes.is_empty() { failure.why(message) } else { causes.iter().map(told).fold(failure, Failure::why) };
            Verdict { object: object.clone(), warnings: Vec::new(), refusal: Some(failure) }
        }
    }
}

/// `spec.retry.numRetries: must be an integer`, with the field named once.
fn told(cause: &FieldCause) -> String {
    if cause.field.is_empty() || cause.message.starts_with(&cause.field) {
        cause.message.clone()
    } else {
        format!("{}: {}", cause.field, cause.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> ObjectId {
        ObjectId::new("gateway.networking.k8s.io/v1", "Gateway", "shop", "edge")
    }

    #[test]
    fn a_refusal_names_each_field_once_and_not_the_long_message_again() {
        let cause = |field: &str, message: &str| FieldCause { field: field.to_owned(), message: message.to_owned() };
        let causes = vec![cause("spec.a", "unknown field"), cause("", "it is wrong as a whole")];
        let refusal = verdict(&gateway(), Admission::Refused { message: "long".into(), causes }).refusal.unwrap();
        assert_eq!(refusal.what, "the API server refuses Gateway shop/edge");
        assert_eq!(refusal.why, ["spec.a: unknown field", "it is wrong as a whole"]);
    }

    #[test]
    fn a_refusal_without_fields_has_the_servers_words() {
        let refused = Admission::Refused { message: "admission webhook denied the request: no".into(), causes: vec![] };
        assert_eq!(verdict(&gateway(), refused).refusal.unwrap().why, ["admission webhook denied the request: no"]);
    }
}
