//! The program and its versions, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::words;

/// The program: a Deployment and a Service for each version.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadFile {
    /// The image, with its tag.
    #[schemars(with = "words::Image")]
    pub image: String,
    /// When the image is pulled. Default: `IfNotPresent`.
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// How many pods each version has; the version that is scaled has as many as its scaler says. Default: 1, in production 2.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<u32>,
    /// The port on which the program listens. Default: the Service's port.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Arguments of the program.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    #[schemars(with = "Entries")]
    pub env: BTreeMap<String, String>,
    /// Secrets whose keys become environment variables.
    #[serde(default)]
    #[schemars(with = "Vec<words::Label>")]
    pub env_secrets: Vec<String>,
    /// What each pod asks for and may use.
    #[serde(default)]
    pub resources: Resources,
    /// The path that says whether a pod can serve. Default: the path of the active health check, else `/health`.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub readiness: Option<String>,
    /// The path that says whether a pod is alive. Default: as for readiness.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub liveness: Option<String>,
    /// The path of its Prometheus metrics: with it the Service is marked to be scraped.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub metrics: Option<String>,
}

/// The shape of `env` in the schema.
struct Entries;

impl JsonSchema for Entries {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Entries".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = generator.subschema_for::<words::Variable>();
        schemars::json_schema!({"type": "object", "propertyNames": name, "additionalProperties": {"type": "string"}})
    }
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Where the node has it not yet.
    #[default]
    IfNotPresent,
    /// Before each start.
    Always,
    /// Never: it must have been loaded into the node.
    Never,
}

/// What a pod asks for and may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Resources {
    /// Processors that it asks for. Default: 50m.
    #[schemars(with = "words::Cpu")]
    pub cpu: String,
    /// Memory that it asks for. Default: 64Mi.
    #[schemars(with = "words::Memory")]
    pub memory: String,
    /// Memory beyond which it is ended. Default: 256Mi.
    #[schemars(with = "words::Memory")]
    pub memory_limit: String,
}

impl Default for Resources {
    fn default() -> Self {
        Self { cpu: "50m".into(), memory: "64Mi".into(), memory_limit: "256Mi".into() }
    }
}

/// A version of the service.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionFile {
    /// Its name: v1.
    #[schemars(with = "words::ShortLabel")]
    pub name: String,
    /// Its Kubernetes Service, and with a workload its Deployment. Default: the service's name for the first version, for others with
    /// `-<version>` behind it.
    #[serde(default)]
    #[schemars(with = "Option<words::ServiceName>")]
    pub service: Option<String>,
    /// Its port, where it differs.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Its image, where it differs.
    #[serde(default)]
    #[schemars(with = "Option<words::Image>")]
    pub image: Option<String>,
    /// Its number of pods, where it differs.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<u32>,
    /// Environment variables beside those of the workload.
    #[serde(default)]
    #[schemars(with = "Entries")]
    pub env: BTreeMap<String, String>,
    /// Its share of the requests on routes that name no version, beside the weights of the others. Default: all to the first version.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: Option<u32>,
}
