//! The plans that make images of nodes, and that of a cluster that is made from one.

use std::collections::BTreeSet;

use super::up::{CALL, TRANSFER, pull_id};
use super::{Action, Plan, Step};
use crate::failure::Failure;
use crate::stack::{ImageRef, PortMapping};

/// A snapshot that is to be made or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// Its name.
    pub snapshot: String,
    /// Host ports to map.
    pub ports: Vec<PortMapping>,
    /// A half-made cluster of ours is removed first.
    pub replace: bool,
}

/// Decides how a baked node image is made: what the engine lacks is pulled first.
///
/// # Errors
/// Never; a defect of ours is reported as such.
pub fn bake<'a>(name: &str, parts: impl Iterator<Item = &'a ImageRef>, there: &BTreeSet<ImageRef>) -> Result<Plan, Failure> {
    whole(bake_steps(name, parts, there))
}

/// Decides how a snapshot is made; `bake` is the baked node image that it needs and that is not there yet, with its parts.
///
/// # Errors
/// Never; a defect of ours is reported as such.
pub fn save(name: &str, bake: Option<(&str, Vec<&ImageRef>)>, there: &BTreeSet<ImageRef>) -> Result<Plan, Failure> {
    let mut steps = bake.map_or_else(Vec::new, |(name, parts)| bake_steps(name, parts.into_iter(), there));
    let needs: Vec<String> = steps.last().map(|step| step.id.clone()).into_iter().collect();
    let save = Step::new("save", "save the cluster", Action::SaveSnapshot { name: name.to_owned() });
    steps.push(save.because("asked for").needs(needs).within(CALL));
    whole(steps)
}

/// Decides how a cluster is made from a snapshot. What is in it is looked at once it answers, as with any cluster that is started.
///
/// # Errors
/// Never; a defect of ours is reported as such.
pub fn restore(restore: Restore) -> Result<Plan, Failure> {
    let cause = if restore.replace { "an earlier run was ended while it made it" } else { "there is none" };
    let action = Action::RestoreCluster { snapshot: restore.snapshot, ports: restore.ports, replace: restore.replace };
    let step = Step::new("cluster", "restore the cluster from its snapshot", action);
    whole(vec![step.because(format!("{cause}; a snapshot of this stack is there")).within(CALL)])
}

fn bake_steps<'a>(name: &str, parts: impl Iterator<Item = &'a ImageRef>, there: &BTreeSet<ImageRef>) -> Vec<Step> {
    let pull = |image: &ImageRef| {
        let action = Action::PullImage { image: image.clone() };
        Step::new(pull_id(image), format!("pull {image}"), action).because("the engine does not have it").within(TRANSFER)
    };
    let mut steps: Vec<Step> = parts.filter(|image| !there.contains(image)).map(pull).collect();
    let needs: Vec<String> = steps.iter().map(|step| step.id.clone()).collect();
    let bake = Step::new("bake", "bake a node image with all images of the stack", Action::BakeNode { name: name.to_owned() });
    steps.push(bake.because("there is none").needs(needs).within(TRANSFER));
    steps
}

fn whole(steps: Vec<Step>) -> Result<Plan, Failure> {
    Plan::new(steps).map_err(|e| Failure::internal("the plan is not sound").because(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageRef {
        ImageRef::parse(text).unwrap()
    }

    #[test]
    fn what_the_engine_lacks_is_pulled_before_it_is_baked() {
        let (node, part) = (image("kindest/node:v1"), image("quay.io/a:1"));
        let plan = bake("localhost/n:1", [&node, &part].into_iter(), &BTreeSet::from([node.clone()])).unwrap();
        insta::assert_snapshot!(plan.text(), @r"
          1. pull quay.io/a:1  (the engine does not have it)
          2. bake a node image with all images of the stack  (there is none)  <- 1
        ");
    }

    #[test]
    fn a_snapshot_bakes_only_what_is_not_baked_yet() {
        let node = image("kindest/node:v1");
        let there = BTreeSet::from([node.clone()]);
        insta::assert_snapshot!(save("s:1", Some(("n:1", vec![&node])), &there).unwrap().text(), @r"
          1. bake a node image with all images of the stack  (there is none)
          2. save the cluster  (asked for)  <- 1
        ");
        insta::assert_snapshot!(save("s:1", None, &there).unwrap().text(), @"  1. save the cluster  (asked for)");
    }

    #[test]
    fn a_restored_cluster_replaces_a_half_made_one() {
        let from = |replace| restore(Restore { snapshot: "s:1".into(), ports: vec![], replace }).unwrap().text();
        insta::assert_snapshot!(from(true), @"  1. restore the cluster from its snapshot  (an earlier run was ended while it made it; a snapshot of this stack is there)");
    }
}
