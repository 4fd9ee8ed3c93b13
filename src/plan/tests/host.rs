//! Plans of the shipped stack where there is no cluster.

use super::*;
use crate::host::{self, Adapted};

/// The shipped stack as it can be here, and a machine that has none of the programs.
fn adapted() -> (Stack, HostFact) {
    let stack = task_api();
    let programs: Vec<host::Wanted> = host::programs(&stack).into_iter().filter(|program| program.required).collect();
    let Adapted { stack, left_out, faults, skipped, metrics } = host::adapt(&stack, false);
    let missing = programs.iter().map(|program| (program.clone(), "not there: built from its Go module".to_owned())).collect();
    (stack, HostFact { programs, missing, outdated: None, left_out, faults, skipped, metrics })
}

#[test]
fn from_nothing_programs_come_first_and_what_cannot_be_is_told() {
    let (stack, host) = adapted();
    insta::assert_snapshot!(text(&stack, &Observed { host: Some(host), ..Observed::default() }, UP), @"
     1. get envoy-gateway 1.9.1  (not there: built from its Go module)
     2. get envoy 1.39.1  (not there: built from its Go module)
     3. start the supervisor  (none runs)  <- 1, 2
     4. apply namespace (1 object)  (not there)  <- 3
     5. wait until namespace is ready  (it was just applied)  <- 3, 4
     6. put the program of localhost/task-api:sha-cefd9fdc1142 into its place  (it is not there)  <- 3
     7. apply task-api (5 objects)  (not there)  <- 3, 4, 6
     8. wait until task-api is ready  (it was just applied)  <- 3, 7
     9. apply gateway (3 objects)  (not there)  <- 3, 4
    10. wait until gateway is ready  (it was just applied)  <- 3, 9
    11. apply routes (2 objects)  (not there)  <- 3, 7, 9
    12. wait until routes is ready  (it was just applied)  <- 3, 11
    13. make a local certificate authority  (there is no usable one)
    14. apply certificate (1 object)  (not there)  <- 3, 4, 13
    15. wait until certificate is ready  (it was just applied)  <- 3, 14
    16. check: tasks over http  (the stack changes)  <- 5, 8, 10, 12, 15
    17. check: tasks over https  (the stack changes)  <- 5, 8, 10, 12, 15
    18. check: certificate names  (the stack changes)  <- 5, 8, 10, 12, 15
    19. check: version 1  (the stack changes)  <- 5, 8, 10, 12, 15
    20. check: version 2  (the stack changes)  <- 5, 8, 10, 12, 15
    21. check: gateway programmed  (the stack changes)  <- 5, 8, 10, 12, 15
    22. check: user rate limit  (the stack changes)  <- 5, 8, 10, 12, 15  after 16, 17, 18, 19, 20
    23. check: anonymous rate limit  (the stack changes)  <- 5, 8, 10, 12, 15  after 22
    24. check: circuit breaker  (the stack changes)  <- 5, 8, 10, 12, 15  after 23
    25. check: scaler ready  (autoscaling needs the Kubernetes API)
    26. check: requests are counted  (there is no program of Prometheus on this machine)
    27. check: scaler's query has a value  (there is no program of Prometheus on this machine)
     without prometheus: there is no prometheus on this machine
     without cert-manager: certificates come from tstack's own CA here, cert-manager needs the Kubernetes API
     without keda: autoscaling needs the Kubernetes API
     without scaler: autoscaling needs the Kubernetes API
    ");
}

#[test]
fn a_second_up_does_nothing() {
    let (stack, host) = adapted();
    let mut observed = all_there(&stack);
    observed.host = Some(HostFact { missing: Vec::new(), ..host });
    assert!(up(&stack, &observed, UP).unwrap().is_empty());
}

#[test]
fn a_supervisor_with_other_ports_is_told_and_nothing_else_is_touched() {
    let (stack, host) = adapted();
    let mut observed = all_there(&stack);
    observed.host = Some(HostFact { missing: Vec::new(), outdated: Some("its programs or ports differ from the stack".into()), ..host });
    let plan = up(&stack, &observed, NO_CHECKS).unwrap();
    let steps: Vec<&str> = plan.steps().iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps, ["cluster"]);
}

#[test]
fn a_check_that_cannot_be_made_is_told_and_not_run() {
    let (_, host) = adapted();
    let stack = adapted().0;
    let plan = verify(&stack, Some(host), true).unwrap();
    let skipped: Vec<&str> =
        plan.steps().iter().filter(|step| matches!(step.action, Action::SkipCheck { .. })).map(|s| s.id.as_str()).collect();
    assert_eq!(
        skipped,
        ["check:scaler ready", "check:requests are counted", "check:scaler's query has a value", "check:replicas follow the load"]
    );
    let quick = verify(&stack, Some(adapted().1), false).unwrap();
    assert!(!quick.steps().iter().any(|step| step.id == "check:replicas follow the load"));
}

#[test]
fn down_ends_the_supervisor_and_forgets() {
    let (stack, host) = adapted();
    let observed = Observed { host: Some(host), ..all_there(&stack) };
    insta::assert_snapshot!(down(&observed, DownRequest { keep_cluster: false }).unwrap().text(), @r"
    1. end the supervisor and its processes  (we started it)
    2. remove our files  (nothing is left that they describe)  <- 1
    ");
}
