//! How the number of pods follows the load, and how many stay while nodes are emptied.

use super::super::document::Document;
use super::{list, map};
use crate::spec::{Autoscale, Cron, Kafka, Keda, Prometheus, ServiceSpec, Signal};
use crate::yaml::{Item, Map};

pub(in crate::generate) fn scaler(spec: &ServiceSpec) -> Option<Document> {
    let scale = spec.autoscale.as_ref()?;
    let name = spec.object_name("scaler");
    Some(match &scale.signal {
        Signal::Keda(keda) => scaled_object(spec, scale, keda, &name),
        Signal::Cpu(cpu) => hpa(spec, scale, cpu.utilization, &name),
    })
}

const FILE: &str = "70-autoscaling.yaml";

fn behavior(scale: &Autoscale) -> Map {
    map([("scaleDown", map([("stabilizationWindowSeconds", scale.scale_down_after.into())]).into())])
}

fn scaled_object(spec: &ServiceSpec, scale: &Autoscale, keda: &Keda, name: &str) -> Document {
    let mut body = Map::new();
    body.put("scaleTargetRef", map([("name", (&scale.deployment).into())]));
    let min = body.put("minReplicaCount", scale.min);
    if scale.min == 0 {
        min.behind("what wakes it is not a request");
    }
    body.put("maxReplicaCount", scale.max);
    let why = if scale.min == 0 { "seconds" } else { "seconds; the HPA asks by itself, this keeps the conditions fresh" };
    body.put("pollingInterval", keda.polling).behind(why);
    if scale.min == 0 {
        body.put("cooldownPeriod", keda.cooldown).above("seconds without load before the last pod goes; nothing else looks at it");
    }
    let advanced = map([("horizontalPodAutoscalerConfig", map([("behavior", behavior(scale).into())]).into())]);
    body.put("advanced", advanced).above("pods go after so many seconds of less load; cooldownPeriod is about the last one alone");
    let triggers: Vec<Item> = [keda.prometheus.as_ref().map(prometheus), keda.kafka.as_ref().map(kafka), keda.cron.as_ref().map(cron)]
        .into_iter()
        .flatten()
        .collect();
    let several = triggers.len() > 1;
    let triggers = body.put("triggers", triggers);
    if several {
        triggers.above("the trigger that asks for most counts");
    }
    let head = "The number of pods follows the load. Nothing else may scale the same Deployment.";
    Document::new(spec, FILE, ("keda.sh/v1alpha1", "ScaledObject"), name, head).with_spec(body)
}

fn trigger(kind: &str, metadata: Map) -> Item {
    Item::new(map([("type", kind.into()), ("metadata", metadata.into())]))
}

fn prometheus(prometheus: &Prometheus) -> Item {
    let mut metadata = map([("serverAddress", (&prometheus.server).into())]);
    let query = metadata.put("query", &prometheus.query);
    if prometheus.counts_gateway_requests {
        query.above(
            "requests a second that passed the limits: Envoy counts them for each rule of a route; one number, or KEDA calls it an error",
        );
    } else {
        query.above("one number, or KEDA calls it an error");
    }
    metadata.put("threshold", &prometheus.threshold).behind("what one pod bears; a text, as all of KEDA's metadata");
    metadata.put("ignoreNullValues", "false").above("by default no answer counts as 0, and a wrong query would look like no load");
    trigger("prometheus", metadata)
}

fn kafka(kafka: &Kafka) -> Item {
    let mut metadata =
        map([("bootstrapServers", (&kafka.bootstrap).into()), ("consumerGroup", (&kafka.group).into()), ("topic", (&kafka.topic).into())]);
    metadata
        .put("lagThreshold", kafka.lag_threshold.to_string())
        .behind("waiting messages that one pod bears; never more pods than partitions");
    metadata
        .put("offsetResetPolicy", "earliest")
        .above("with `latest`, the default, a group that never committed is seen with a lag of 1 whatever waits");
    trigger("kafka", metadata)
}

fn cron(cron: &Cron) -> Item {
    let metadata = map([
        ("timezone", (&cron.timezone).into()),
        ("start", (&cron.start).into()),
        ("end", (&cron.end).into()),
        ("desiredReplicas", cron.replicas.to_string().into()),
    ]);
    trigger("cron", metadata)
}

fn hpa(spec: &ServiceSpec, scale: &Autoscale, utilization: u32, name: &str) -> Document {
    let target = map([("type", "Utilization".into()), ("averageUtilization", utilization.into())]);
    let cpu = map([("name", "cpu".into()), ("target", target.into())]);
    let mut body = Map::new();
    let deployment = map([("apiVersion", "apps/v1".into()), ("kind", "Deployment".into()), ("name", (&scale.deployment).into())]);
    body.put("scaleTargetRef", deployment);
    body.put("minReplicas", scale.min);
    body.put("maxReplicas", scale.max);
    body.put("behavior", behavior(scale)).above("pods go after so many seconds of less load");
    body.put("metrics", list([map([("type", "Resource".into()), ("resource", cpu.into())])]))
        .above("percent of what the pods ask for; the cluster needs metrics-server, the containers requests.cpu");
    let head = "The number of pods follows the processors' use. Nothing else may scale the same Deployment.";
    Document::new(spec, FILE, ("autoscaling/v2", "HorizontalPodAutoscaler"), name, head).with_spec(body)
}

pub(in crate::generate) fn budgets(spec: &ServiceSpec) -> Vec<Document> {
    let of = |budget: &crate::spec::Budget| {
        let mut labels = Map::new();
        for (key, value) in &budget.selector {
            labels.put(key, value);
        }
        let mut body = Map::new();
        body.put("minAvailable", budget.min_available).behind("fewer than there are pods, or no node could ever be emptied");
        body.put("unhealthyPodEvictionPolicy", "AlwaysAllow").above("a pod that never became ready holds nothing up");
        body.put("selector", map([("matchLabels", labels.into())]));
        let name = spec.version(&budget.version).map_or(&spec.name, |version| &version.service);
        let head = format!("Pods of version {} that stay while nodes are emptied.", budget.version);
        Document::new(spec, "80-disruption-budget.yaml", ("policy/v1", "PodDisruptionBudget"), name, head).with_spec(body)
    };
    spec.budgets.iter().map(of).collect()
}
