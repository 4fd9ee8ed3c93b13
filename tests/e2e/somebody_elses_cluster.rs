//! A cluster that somebody else made: never touched unless named, and when named, left as it was found.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::a_clear_reason;
use crate::support::client::curl;
use crate::support::load::Load;
use crate::support::machine::{Snapshot, listeners, processes, untouched};
use crate::support::{Sandbox, holds, part, same, told};
use crate::the_main_job::{all_green, checks, nothing_is_left};

const CLUSTER: &str = "tstack-e2e-foreign";
const CONTEXT: &str = "kind-tstack-e2e-foreign";
/// The name with which tstack's own cluster would be called as the foreign one is.
const SAME: &str = "e2e-foreign";
const NAME: &str = "e2e-ctx";
const TASKS: &str = "http://127.0.0.1:8080/api/tasks";

#[test]
#[ignore = "needs the test bed: make e2e"]
fn somebody_elses_cluster() {
    let s = Sandbox::new("somebody_elses_cluster");
    let image = told::data(&s.tstack(SAME, &["plan", "--output", "json"]).well(), "plan")["steps"][0]["action"]["image"].clone();
    let before = Snapshot::take(&s);
    let kubeconfig = s.kind_cluster(CLUSTER, image.as_str().unwrap());
    let file = kubeconfig.to_str().unwrap().to_owned();
    let settled = ["wait", "--for=condition=Ready", "pods", "--all", "-A", "--timeout=120s"];
    s.kubectl_with(&kubeconfig, &settled).well();
    let with_cluster = Snapshot::take(&s);
    let kubeconfig_before = untouched(&kubeconfig);
    let objects_before = objects(&s, &kubeconfig);

    part("a cluster of the name, not made by us");
    let refused = s.tstack(SAME, &["up"]);
    same("`up` refuses with 3", &refused.code, &Some(3));
    holds("and says why", refused.stderr.contains("this tstack did not make") && refused.stderr.contains("--name"), || refused.all());
    let refused = s.tstack(SAME, &["down"]);
    same("`down` refuses too", &refused.code, &Some(3));
    nothing_is_left(&with_cluster, &Snapshot::take(&s));
    as_before("nothing in it was changed", &objects(&s, &kubeconfig), &objects_before);

    part("the same cluster, named by its context");
    let named = ["--context", CONTEXT, "--kubeconfig", &file];
    let plan = s.tstack(NAME, &[&["plan", "--output", "json"], &named[..]].concat()).well();
    let steps = told::steps(&plan);
    holds("the plan has no step that makes a cluster", !steps.iter().any(|id| id == "cluster"), || plan.all());
    holds("and one that forwards", steps.iter().any(|id| id == "forwarder"), || plan.all());
    let up = s.tstack(NAME, &[&["up", "--output", "json"], &named[..]].concat()).well();
    println!("{}", told::times(&up));
    let shown = up.stdout.find(&format!("Cluster: context `{CONTEXT}` at https://127.0.0.1:"));
    holds("its server was shown before the first step", shown.is_some() && shown < up.stdout.find("plan.started"), || up.all());
    all_green(&up, checks());
    the_forwarder_serves(&s);
    envoy_restarts_under_load(&s, &kubeconfig);
    a_clear_reason::of_a_rejected_policy(&s, &named);

    part("down: the stack goes, the cluster stays");
    let down = s.tstack(NAME, &["down", "--output", "json"]).well();
    println!("{}", told::times(&down));
    as_before("everything that was there is there, and nothing else", &objects(&s, &kubeconfig), &objects_before);
    a_clear_reason::of_an_image_that_is_not_there(&s, &named);
    as_before("everything that was there is there, and nothing else", &objects(&s, &kubeconfig), &objects_before);
    nothing_is_left(&with_cluster, &Snapshot::take(&s));
    same("the kubeconfig is untouched", &untouched(&kubeconfig), &kubeconfig_before);
    s.delete_kind_cluster(CLUSTER);
    std::fs::remove_file(&kubeconfig).unwrap();
    nothing_is_left(&before, &Snapshot::take(&s));
}

fn the_forwarder_serves(s: &Sandbox) {
    part("the forwarder");
    let status = told::data(&s.tstack(NAME, &["status", "--output", "json"]).well(), "status");
    same("status shows its path", &status["exposures"][0]["path"], &json!("forwarder"));
    let pid = status["forwarder"]["pid"].as_i64().expect("status shows its pid");
    let ours = processes(s);
    holds(&format!("and its process, {pid}"), ours.iter().any(|(p, _)| i64::from(*p) == pid), || format!("{ours:?}"));
    for port in [8080, 8443] {
        let all: Vec<_> = listeners().into_iter().filter(|(_, p)| *p == port).collect();
        holds(
            &format!("port {port} is listened on, on loopback alone"),
            !all.is_empty() && all.iter().all(|(a, _)| a.is_loopback()),
            || format!("{all:?}"),
        );
    }
    let ca = s.folder(NAME).join("ca.crt");
    let (status, body) = curl(s, &["--cacert", ca.to_str().unwrap(), "-H", "x-user-id: curl", "https://localhost:8443/api/tasks"]);
    holds("curl --cacert over https answers 200", status == 200, || body);
}

fn envoy_restarts_under_load(s: &Sandbox, kubeconfig: &Path) {
    part("a rollout restart of Envoy under light load");
    let mut load = Load::begin(TASKS);
    let selector = "gateway.envoyproxy.io/owning-gateway-name=task-api-gateway";
    let namespace = "envoy-gateway-system";
    let pods = || s.kubectl_with(kubeconfig, &["get", "pods", "-n", namespace, "-l", selector, "-o", "name"]).well().stdout;
    let old = pods();
    s.kubectl_with(kubeconfig, &["rollout", "restart", "deployment", "-n", namespace, "-l", selector]).well();
    s.kubectl_with(kubeconfig, &["rollout", "status", "deployment", "-n", namespace, "-l", selector, "--timeout=120s"]).well();
    // the old pod drains; its end is what could cost something
    for pod in old.lines() {
        s.kubectl_with(kubeconfig, &["wait", "--for=delete", pod, "-n", namespace, "--timeout=120s"]).well();
    }
    load.more(40);
    let seen = load.end();
    holds("the pod is another", pods() != old, || old.clone());
    println!("        {} answers, longest gap {:?}, slowest {:?}, {} failed", seen.answered, seen.gap, seen.slowest, seen.failed.len());
    holds("no second passed without an answer", seen.gap <= Duration::from_secs(1), || format!("{seen:#?}"));
    // a second of it: twenty requests
    holds("and at most a second's requests failed", seen.failed.len() <= 20, || format!("{seen:#?}"));
}

#[track_caller]
fn as_before(sentence: &str, after: &BTreeSet<String>, before: &BTreeSet<String>) {
    let differ = || format!("new:  {:#?}\ngone: {:#?}", after.difference(before), before.difference(after));
    holds(sentence, after == before, differ);
}

/// Everything in a cluster that a stack could leave: namespaces, what is cluster-wide, and what is in the namespaces that every
/// cluster has. What the cluster itself makes and drops while it runs is left out.
fn objects(s: &Sandbox, kubeconfig: &Path) -> BTreeSet<String> {
    let kinds = |namespaced: &str| {
        let args = ["api-resources", "--verbs=list,delete", &format!("--namespaced={namespaced}"), "-o", "name"];
        s.kubectl_with(kubeconfig, &args).well().stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let passing = ["events", "events.events.k8s.io", "leases.coordination.k8s.io", "certificatesigningrequests.certificates.k8s.io"];
    let wanted = |kind: &String| !passing.contains(&kind.as_str());
    let list = |kinds: Vec<String>| {
        let kinds = kinds.into_iter().filter(wanted).collect::<Vec<_>>().join(",");
        let form = r#"jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}"#;
        s.kubectl_with(kubeconfig, &["get", &kinds, "-A", "-o", form]).well().stdout
    };
    let all = list(kinds("false")) + &list(kinds("true"));
    all.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
