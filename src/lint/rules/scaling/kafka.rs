//! Kafka triggers and their topics.

use std::collections::HashMap;

use super::target::{KEDA, triggers_of};
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// A partition is read by one consumer of a group, so KEDA makes no more pods than partitions.
pub(super) fn more_consumers(set: &Set, sink: &mut Sink) {
    let topics: HashMap<&str, i64> = set
        .of("kafka.strimzi.io", "KafkaTopic")
        .filter_map(|topic| Some((topic.text("/spec/topicName").unwrap_or(&topic.id.name), topic.number("/spec/partitions")?)))
        .collect();
    for object in set.of(KEDA, "ScaledObject") {
        let Some(most) = object.at("/spec/maxReplicaCount").filter(|most| most.number().is_some()) else { continue };
        let mut kafka = triggers_of(object).filter(|trigger| ["kafka", "apache-kafka"].contains(&trigger.kind));
        let idle = |trigger: &super::Trigger<'_>| trigger.value("allowIdleConsumers").is_some_and(|(_, value)| value == "true");
        // other triggers may have a use for more pods
        if triggers_of(object).count() != 1 {
            continue;
        }
        let Some(trigger) = kafka.next().filter(|trigger| !idle(trigger)) else { continue };
        let Some((_, topic)) = trigger.value("topic") else { continue };
        if let Some(partitions) = topics.get(topic).filter(|partitions| most.number() > Some(**partitions)) {
            sink.at(
                &most,
                format!("topic {topic} has {partitions} partitions, and KEDA makes no more pods than that: a further consumer would have nothing to read"),
                format!("Give the topic more partitions, or set maxReplicaCount to {partitions}."),
            );
        }
    }
}
