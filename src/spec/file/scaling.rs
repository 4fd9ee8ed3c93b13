//! Scaling and disruption, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::words;

/// How the number of pods follows the load: by `prometheus`, `kafka` and `cron` (KEDA, the one that asks for most counts), or by `cpu`
/// alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoscaleFile {
    /// The version that is scaled. Default: the first.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub version: Option<String>,
    /// The Deployment that is scaled, where there is no workload. Default: the Service's name.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub deployment: Option<String>,
    /// The fewest pods. Default: 1, in production 2.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub min: Option<u32>,
    /// The most pods. Default: 10.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<u32>,
    /// Seconds between two looks at the load. Default: 15.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    pub polling: Option<u32>,
    /// Seconds without load before the last pod goes, where `min` is 0. Default: 300.
    #[serde(default)]
    #[schemars(range(min = 0, max = 86400))]
    pub cooldown: Option<u32>,
    /// Seconds of less load before pods go. Default: 300.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_down_after: Option<u32>,
    /// By a number that Prometheus knows; default: requests that the gateway sends to the service.
    #[serde(default)]
    pub prometheus: Option<PrometheusFile>,
    /// By messages that wait in Kafka.
    #[serde(default)]
    pub kafka: Option<Kafka>,
    /// By the time of day.
    #[serde(default)]
    pub cron: Option<Cron>,
    /// By the processors' use, with a `HorizontalPodAutoscaler`.
    #[serde(default)]
    pub cpu: Option<CpuUse>,
}

/// A number that Prometheus knows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusFile {
    /// Where Prometheus is. Default: `http://prometheus.monitoring.svc.cluster.local:9090`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^https?://[^\s/]+"), extend("x-expects" = "a URL with `http://` or `https://`"))]
    pub server: Option<String>,
    /// A query with one number as its answer. Default: requests a second that the gateway sends to the version.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4096))]
    pub query: Option<String>,
    /// How much of it one pod bears. Default: 50.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1_000_000_000.0))]
    pub threshold: Option<f64>,
}

/// Messages that wait in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kafka {
    /// Brokers. Default: `kafka.kafka:9092`.
    #[serde(default = "kafka")]
    #[schemars(regex(pattern = r"^[^\s,:]+:[0-9]+(,[^\s,:]+:[0-9]+)*$"), extend("x-expects" = "brokers such as `kafka.kafka:9092`"))]
    pub bootstrap: String,
    /// The consumer group of the service.
    #[schemars(length(min = 1, max = 249))]
    pub group: String,
    /// The topic.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"), extend("x-expects" = "a topic such as `task-events`"))]
    pub topic: String,
    /// How many waiting messages one pod bears. Default: 50.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub lag_threshold: u32,
    /// How many partitions the topic has: more pods than that have nothing to do.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: Option<u32>,
}

fn kafka() -> String {
    "kafka.kafka:9092".into()
}

const fn fifty() -> u32 {
    50
}

/// A time of day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cron {
    /// The time zone: `Europe/Berlin`. Default: UTC.
    #[serde(default = "utc")]
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_+/-]*$"), extend("x-expects" = "a time zone such as `Europe/Berlin`"))]
    pub timezone: String,
    /// When it begins: minute, hour, day, month and day of the week, as in `0 8 * * 1-5`.
    pub start: String,
    /// When it ends.
    pub end: String,
    /// How many pods there are in between, at least.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: u32,
}

fn utc() -> String {
    "UTC".into()
}

/// The processors' use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CpuUse {
    /// How much of what a pod asks for it should use, in percent. Default: 70.
    #[schemars(range(min = 1, max = 1000))]
    pub utilization: u32,
}

impl Default for CpuUse {
    fn default() -> Self {
        Self { utilization: 70 }
    }
}

/// How many pods stay while nodes are emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisruptionBudgetFile {
    /// Pods of each version that stay. Default: 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 999))]
    pub min_available: Option<u32>,
    /// The labels of the pods, where there is no workload.
    #[serde(default)]
    pub selector: BTreeMap<String, String>,
}
