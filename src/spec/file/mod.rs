//! A specification as it is written. These types make the JSON Schema in `stacks/service.schema.json`, so their comments are its help
//! texts. A block that is absent is not generated; an empty one, `{}`, takes its defaults.

mod access;
mod gateway;
mod routes;
mod scaling;
mod traffic;
mod workload;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use access::*;
pub use gateway::*;
pub use routes::*;
pub use scaling::*;
pub use traffic::*;
pub use workload::*;

use super::words;
use crate::input::Parameter;

/// What a service needs of the platform: how it is reached, protected and scaled.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecFile {
    /// Always `tstack.dev/v1alpha1`.
    pub api_version: String,
    /// Always `ServiceSpec`.
    pub kind: String,
    /// The service's name and where it lives.
    pub metadata: MetadataFile,
    /// Values that a person may want to change, referred to as `${name}` anywhere in the specification.
    /// A text that is nothing but `${name}` takes the value with its type.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// What the service needs.
    pub spec: ServiceFile,
}

/// The service's name and where it lives.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataFile {
    /// The name from which the names of all objects are made.
    #[schemars(with = "words::ShortLabel")]
    pub name: String,
    /// The namespace of all objects. Default: the name.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub namespace: Option<String>,
    /// One line on what the service is for.
    #[serde(default)]
    pub description: String,
}

/// What the service needs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceFile {
    /// `local`: a cluster on one machine, reached through node ports, small. `production`: TLS alone, two or more of everything that
    /// serves, a load balancer in front. Default: local.
    #[serde(default)]
    pub profile: Profile,
    /// The name of the Kubernetes Service. Default: the specification's name.
    #[serde(default)]
    #[schemars(with = "Option<words::ShortLabel>")]
    pub service: Option<String>,
    /// The Service's port.
    #[serde(default = "eight_thousand")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The program itself. Without it the Services are taken as existing, and nothing is deployed.
    #[serde(default)]
    pub workload: Option<WorkloadFile>,
    /// Versions of the service that run beside each other. Default: one, called v1.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub versions: Vec<VersionFile>,
    /// How requests are shared between two versions on every route that names no version itself.
    #[serde(default)]
    pub split: Option<SplitFile>,
    /// Host names under which the service is reached. Default: any.
    #[serde(default)]
    #[schemars(with = "Vec<words::HostName>", length(max = 16))]
    pub hosts: Vec<String>,
    /// The Gateway.
    #[serde(default)]
    pub gateway: GatewayFile,
    /// HTTPS. Without it the gateway speaks HTTP alone; profile `production` needs it.
    #[serde(default)]
    pub tls: Option<TlsFile>,
    /// Which requests lead where. `[]` for a service that nobody calls, such as a worker: then there is no gateway.
    pub routes: Vec<RouteFile>,
    /// How many requests a client may make.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// How much work may be under way at the service before the gateway answers 503 by itself.
    #[serde(default)]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How the gateway finds pods that do not serve. Default: passive, where there is a circuit breaker.
    #[serde(default)]
    pub health_check: Option<HealthCheckFile>,
    /// Which requests the gateway tries again.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// How long things may take.
    #[serde(default)]
    pub timeout: Timeout,
    /// Who may call: exactly one method. Default: everybody.
    #[serde(default)]
    pub auth: Option<AuthFile>,
    /// Networks from which requests are taken, such as `10.0.0.0/8`; all others get 403. Default: all.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub ip_allow: Vec<String>,
    /// Which web pages of other origins may call.
    #[serde(default)]
    pub cors: Option<Cors>,
    /// What the gateway takes from clients.
    #[serde(default)]
    pub client: Option<ClientFile>,
    /// How the number of pods follows the load.
    #[serde(default)]
    pub autoscale: Option<AutoscaleFile>,
    /// How many pods stay while nodes are emptied. Default: one, where there are two or more.
    #[serde(default)]
    pub disruption_budget: Option<DisruptionBudgetFile>,
}

/// Where the service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// A cluster on one machine.
    #[default]
    Local,
    /// A cluster that others depend on.
    Production,
}

const fn eight_thousand() -> u16 {
    8000
}

/// How requests are shared between two versions.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitFile {
    /// `canary`: a part of all requests goes to the candidate. `blueGreen`: all or none. `ab`: those with a header.
    pub strategy: Strategy,
    /// The version that serves today. Default: the first.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub stable: Option<String>,
    /// The version that is tried. Default: the second.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub candidate: Option<String>,
    /// The candidate's part in percent: for `canary` 10 by default, for `blueGreen` 0 (the default) or 100.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<u32>,
    /// The header that leads to the candidate, for `ab` alone. Default: `x-beta-user: "true"`.
    #[serde(default)]
    pub header: Option<HeaderValue>,
}

/// A way to share requests between two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// A part of all requests.
    Canary,
    /// All or none.
    BlueGreen,
    /// Requests with a header.
    Ab,
}

/// A header and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderValue {
    /// The header's name.
    #[schemars(with = "words::HeaderName")]
    pub name: String,
    /// Its exact value.
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
}
