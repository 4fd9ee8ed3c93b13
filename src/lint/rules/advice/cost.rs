//! What costs money without need.

use crate::lint::entry::Entry;
use crate::lint::rules::scaling::Scaled;
use crate::lint::rules::workloads::pods::{self, Pods, Workload};
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Triggers that count work that waits outside of the pods.
const QUEUES: [&str; 24] = [
    "activemq",
    "apache-kafka",
    "artemis-queue",
    "aws-kinesis-stream",
    "aws-sqs-queue",
    "azure-eventhub",
    "azure-queue",
    "azure-servicebus",
    "beanstalkd",
    "gcp-cloudtasks",
    "gcp-pubsub",
    "ibmmq",
    "kafka",
    "liiklus",
    "nats-jetstream",
    "nsq",
    "pulsar",
    "rabbitmq",
    "redis",
    "redis-streams",
    "redis-cluster",
    "redis-sentinel",
    "solace-event-queue",
    "temporal",
];

/// A worker whose queue is kept elsewhere need not wait for work.
pub(super) fn idle_worker(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    let routed = pods::routed_workloads(set, &pods);
    for scaled in Scaled::all(set).filter(Scaled::is_keda) {
        let triggers = scaled.triggers();
        let by_queue = !triggers.is_empty() && triggers.iter().all(|trigger| QUEUES.contains(&trigger.kind));
        let answers = routed.contains(&(scaled.kind, scaled.by.namespace(), scaled.name));
        let Some(place) = scaled.by.at("/spec/minReplicaCount").filter(|place| place.number().is_some_and(|least| least > 0)) else {
            continue;
        };
        if by_queue && !answers {
            sink.at(
                &place,
                "the queue keeps the work while nobody runs, so these pods wait, and cost, for nothing while it is empty",
                "Set minReplicaCount to 0 if a start of some seconds is soon enough.",
            );
        }
    }
}

/// One proxy has nobody to share its count with.
pub(super) fn global_on_one_proxy(set: &Set, sink: &mut Sink) {
    let mut proxies = set.of("gateway.envoyproxy.io", "EnvoyProxy").peekable();
    let alone = |proxy: &Entry| {
        let kubernetes = "/spec/provider/kubernetes";
        let many = proxy.number(&format!("{kubernetes}/envoyDeployment/replicas")).is_some_and(|replicas| replicas > 1);
        let scaled = ["envoyHpa", "envoyDaemonSet"].iter().any(|kind| proxy.at(&format!("{kubernetes}/{kind}")).is_some());
        !many && !scaled && proxy.at(kubernetes).is_some()
    };
    if proxies.peek().is_none() || !proxies.all(alone) {
        return;
    }
    for policy in set.of("gateway.envoyproxy.io", "BackendTrafficPolicy") {
        let Some(place) = policy.at("/spec/rateLimit/global") else { continue };
        let by_cost = policy.items("/spec/rateLimit/global/rules").any(|rule| rule.get("cost").is_some() || rule.get("shared").is_some());
        if !by_cost {
            sink.at(
                &place,
                "the EnvoyProxy of this set runs one Envoy, which can count by itself: a global limit asks Redis for every request",
                "Use rateLimit.local, or run more than one Envoy.",
            );
        }
    }
}

/// Labels that tell what an object is for.
const STAGES: [&str; 4] = ["environment", "env", "stage", "app.kubernetes.io/environment"];
/// Their values that are not for users.
const UNUSED_AT_NIGHT: [&str; 8] = ["dev", "development", "test", "testing", "qa", "staging", "stage", "sandbox"];

fn stage(entry: &Entry) -> Option<&str> {
    let value = STAGES.iter().find_map(|label| entry.label(label))?;
    UNUSED_AT_NIGHT.contains(&value.to_lowercase().as_str()).then_some(value)
}

/// Nobody looks at it at night.
pub(super) fn around_the_clock(set: &Set, sink: &mut Sink) {
    let by_schedule: Vec<_> = Scaled::all(set)
        .filter(|scaled| scaled.triggers().iter().any(|trigger| trigger.kind == "cron") || (scaled.is_keda() && scaled.least() == 0))
        .map(|scaled| (scaled.kind, scaled.by.namespace(), scaled.name))
        .collect();
    for workload in Workload::all(set).filter(Workload::scales) {
        let id = pods::key(workload.entry);
        let namespace = set.get("", "Namespace", "", id.1);
        let Some(stage) = stage(workload.entry).or_else(|| namespace.and_then(stage)) else { continue };
        let Some(place) = workload.entry.at("/metadata/name") else { continue };
        if workload.replicas() > 0 && !by_schedule.contains(&id) {
            sink.at(
                &place,
                format!("it is for {stage}, and runs through nights and weekends"),
                "Scale it by a cron trigger of KEDA with minReplicaCount 0, for the hours in which somebody works.",
            );
        }
    }
}
