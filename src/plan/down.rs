//! The plan of `down`: from what was recorded when it was made, in reverse; the stack file is not needed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::takedown::turns;
use super::{Action, ClusterFact, Made, Observed, Plan, Step};
use crate::failure::Failure;
use crate::stack::ObjectId;

/// What the user asked of `down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownRequest {
    /// Remove the stack, keep the cluster.
    pub keep_cluster: bool,
}

const DELETE: Duration = Duration::from_mins(5);

/// Decides what `down` does. Only what is recorded as made by us, or carries our name, is removed.
///
/// # Errors
/// Never for what `observe` gives; a defect of ours is reported as such.
pub fn down(observed: &Observed, request: DownRequest) -> Result<Plan, Failure> {
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |id: String, title: String, cause: &str, needs: Vec<String>, action: Action| {
        let needs = needs.into_iter().filter(|need| steps.iter().any(|step| step.id == *need)).collect();
        steps.push(Step { needs, ..Step::new(id, title, action).because(cause).within(DELETE) });
    };
    if observed.forwarder.is_some() {
        add("forwarder".into(), "end the forwarder".into(), "it runs", vec![], Action::StopForwarder);
    }
    let ours = !matches!(observed.cluster, ClusterFact::Named | ClusterFact::Absent);
    let stays = ours && request.keep_cluster;
    for file in observed.exported.iter().filter(|_| !stays) {
        let (id, title) = (format!("kubeconfig:{}", file.display()), format!("take the cluster out of {}", file.display()));
        let action = Action::WithdrawContext { kubeconfig: file.clone() };
        add(id, title, "`up --export-kubeconfig` put it there", vec![], action);
    }
    for anchor in observed.trusted.iter().filter(|_| !stays) {
        let action = Action::WithdrawTrust { anchor: anchor.clone() };
        let id = format!("trust:{}", anchor.display());
        add(id, "take the local CA out of the system's trust store".into(), "`certs trust` put it there", vec![], action);
    }
    if observed.host.is_some() && ours && !request.keep_cluster {
        add("cluster".into(), "end the supervisor and its processes".into(), "we started it", vec![], Action::StopSupervisor);
    } else if ours && !request.keep_cluster {
        let needs = vec!["forwarder".into()];
        add("cluster".into(), "delete the cluster".into(), "we made it", needs, Action::DeleteCluster);
    } else if observed.cluster != ClusterFact::Absent {
        let mut before = vec!["forwarder".to_owned()];
        let asleep = match observed.cluster {
            ClusterFact::Stopped => Some(("start the stopped cluster", "its node does not run, and what is in it is to be removed")),
            ClusterFact::Paused => Some(("resume the paused cluster", "its node is paused, and what is in it is to be removed")),
            ClusterFact::Silent => {
                Some(("wait for the cluster's API server", "it does not answer, and what is behind it is to be removed"))
            }
            _ => None,
        };
        if let Some((title, cause)) = asleep.filter(|_| !observed.made.is_empty()) {
            add("cluster".into(), title.into(), cause, before, Action::StartCluster);
            before = vec!["cluster".into()];
        }
        let turns = turns(&observed.made, &observed.needs);
        let mut last: BTreeSet<usize> = turns.iter().map(|turn| turn.place).collect();
        for turn in &turns {
            if let Some((title, action)) = undo(&observed.made[turn.place]) {
                let needs = if turn.waits.is_empty() { before.clone() } else { turn.waits.iter().copied().map(removal).collect() };
                add(removal(turn.place), title, "we made it", needs, action);
                last.retain(|place| !turn.waits.contains(place));
            }
        }
        if !last.is_empty() {
            before = last.iter().rev().copied().map(removal).collect();
        }
        // what nothing of ours stands on any more goes side by side: a namespace alone takes seconds
        let (definitions, namespaces) = (definitions(&observed.made), namespaces(&observed.made));
        if !definitions.is_empty() {
            let title = format!("delete the definitions of charts ({})", definitions.len());
            add("definitions".into(), title, "we made them", before, Action::DeleteObjects { ids: definitions });
            before = vec!["definitions".into()];
        }
        if !namespaces.is_empty() {
            let names: Vec<&str> = namespaces.iter().map(|id| id.name.as_str()).collect();
            let title = format!("delete the namespaces {}", names.join(", "));
            add("namespaces".into(), title, "we made them", before, Action::DeleteObjects { ids: namespaces });
        }
    }
    // also where the cluster went by another hand
    if observed.network_made && !request.keep_cluster {
        let needs = vec!["cluster".into()];
        add("network".into(), "remove the engine's network `kind`".into(), "we made it", needs, Action::RemoveNetwork);
    }
    if stays {
        return finish(steps);
    }
    let everything: Vec<String> = steps.iter().map(|step| step.id.clone()).collect();
    let last = Step::new("state", "remove our files", Action::RemoveState).because("nothing is left that they describe");
    steps.push(last.needs(everything).within(DELETE));
    finish(steps)
}

/// The id of the step that takes back what was made at that place.
fn removal(place: usize) -> String {
    format!("remove:{place}")
}

fn finish(steps: Vec<Step>) -> Result<Plan, Failure> {
    Plan::new(steps).map_err(|e| Failure::internal("the plan is not sound").because(&e))
}

/// How one thing is taken back that others may stand on; definitions and namespaces go together at the end.
fn undo(made: &Made) -> Option<(String, Action)> {
    match made {
        Made::Objects { component, ids } => {
            Some((format!("delete the objects of {component}"), Action::DeleteObjects { ids: ids.iter().rev().cloned().collect() }))
        }
        Made::Release { component, namespace, name } => {
            Some((format!("uninstall {component}"), Action::UninstallChart { namespace: namespace.clone(), release: name.clone() }))
        }
        Made::Definitions { .. } | Made::Namespace { .. } => None,
    }
}

fn definitions(made: &[Made]) -> Vec<ObjectId> {
    let names = made.iter().rev().filter_map(|made| if let Made::Definitions { names, .. } = made { Some(names) } else { None });
    names.flatten().map(|name| ObjectId::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name)).collect()
}

fn namespaces(made: &[Made]) -> Vec<ObjectId> {
    let names = made.iter().rev().filter_map(|made| if let Made::Namespace { name } = made { Some(name) } else { None });
    names.map(|name| ObjectId::new("v1", "Namespace", "", name)).collect()
}
