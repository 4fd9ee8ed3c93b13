//! The stack file as typed: what a person writes, checked against a schema but not yet resolved.
//!
//! The JSON Schema in `stacks/stack.schema.json` is generated from these types, so their comments are the schema's help texts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::input::Parameter;

/// A stack: the cluster it wants, the components that make it, where it is reached, and the checks that prove it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StackFile {
    /// Always `tstack.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Stack`.
    pub kind: String,
    /// The stack's name and what it is for.
    pub metadata: Metadata,
    /// Values that a person may want to change, referred to as `${name}` anywhere in the stack file and its manifests.
    /// A text that is nothing but `${name}` takes the value with its type.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// The cluster that tstack makes for the stack. Ignored with `--context`.
    #[serde(default)]
    pub cluster: ClusterFile,
    /// What is reached on localhost.
    #[serde(default)]
    pub expose: Vec<ExposeFile>,
    /// What is installed.
    pub components: Vec<ComponentFile>,
    /// What proves that the stack works.
    #[serde(default)]
    pub checks: Vec<CheckFile>,
    /// Named sets of overrides for `--profile`: each is merged over the stack file. Lists of named entries merge by name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Map<String, Value>>,
}

/// The stack's name and what it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Lower case letters, digits and `-`, at most 40 characters; the cluster is called `tstack-<name>`.
    pub name: String,
    /// One line for `tstack stacks`.
    #[serde(default)]
    pub description: String,
}

/// The cluster that tstack makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterFile {
    /// The kind node image.
    #[serde(default)]
    pub image: Option<String>,
    /// Host ports, fixed when the cluster is made: connections to 127.0.0.1:`host` reach the node port `node`.
    #[serde(default)]
    pub ports: Vec<PortMapping>,
    /// What the machine must offer before anything is touched.
    #[serde(default)]
    pub minimum: Minimum,
}

/// A host port that is mapped to a port of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortMapping {
    /// The port on 127.0.0.1, 1 to 65535.
    #[schemars(range(min = 1, max = 65535))]
    pub host: u16,
    /// The node port, 30000 to 32767.
    #[schemars(range(min = 30000, max = 32767))]
    pub node: u16,
}

/// What the machine must offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Minimum {
    /// Processors that the engine may use.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// Memory of the engine, as Kubernetes writes it: `4Gi`.
    #[serde(default)]
    pub memory: Option<String>,
    /// Free disk where the engine keeps its data: `10Gi`.
    #[serde(default)]
    pub disk: Option<String>,
}

/// A service of the stack that is reached on localhost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExposeFile {
    /// A name for people: `http`.
    pub name: String,
    /// The address that is shown to people: `http://localhost:8080/api/tasks`.
    #[serde(default)]
    pub url: Option<String>,
    /// The port on 127.0.0.1.
    #[schemars(range(min = 1, max = 65535))]
    pub host: u16,
    /// The service behind it.
    pub service: ServiceFile,
}

/// A port of a Kubernetes Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceFile {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// The Service's port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The node port that the Service has, where it is fixed: with it a port mapping of the cluster serves as the path.
    #[serde(default)]
    #[schemars(range(min = 30000, max = 32767))]
    pub node_port: Option<u16>,
}

/// One component: exactly one of `helm`, `manifests`, `certificate`, `secrets` and `image`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentFile {
    /// Unique in the stack: lower case letters, digits and `-`.
    pub name: String,
    /// Components that come first: `name` waits until it is ready, `name:applied` until its objects are accepted.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Images that the component runs; loaded into the node before it is applied.
    #[serde(default)]
    pub images: Vec<String>,
    /// How long it may take to become ready: `90s`, `5m`. Default 5m.
    #[serde(default)]
    pub timeout: Option<String>,
    /// A Helm chart.
    #[serde(default)]
    pub helm: Option<HelmFile>,
    /// Kubernetes objects from files of the stack folder, applied server-side.
    #[serde(default)]
    pub manifests: Option<ManifestsFile>,
    /// A TLS certificate, signed by the local CA of the cluster.
    #[serde(default)]
    pub certificate: Option<CertificateFile>,
    /// Secrets that are made once, before the programs that would otherwise make them while everybody waits.
    #[serde(default)]
    pub secrets: Option<SecretsFile>,
    /// An image that is made from one static program.
    #[serde(default)]
    pub image: Option<ImageFile>,
}

/// A Helm release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmFile {
    /// An OCI chart reference: `oci://docker.io/envoyproxy/gateway-helm`.
    pub chart: String,
    /// The chart's version, semantic, with or without `v`.
    pub version: String,
    /// The sum of the chart's archive, as `helm pull` followed by `sha256sum` gives it: `sha256:` and 64 hexadecimal digits. Another archive is
    /// refused. Without it the registry is trusted to give the same archive for a version.
    #[serde(default)]
    pub digest: Option<String>,
    /// The namespace of the release; made when it is absent.
    pub namespace: String,
    /// The release's name. Default: the component's name.
    #[serde(default)]
    pub release: Option<String>,
    /// Values over the chart's own.
    #[serde(default)]
    pub values: Map<String, Value>,
    /// Whether the chart's hooks run, its Jobs before and after the install. Default true; `false` where what they would make is made
    /// otherwise.
    #[serde(default = "yes")]
    pub hooks: bool,
}

const fn yes() -> bool {
    true
}

/// Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestsFile {
    /// Files of the stack folder, in any order.
    pub files: Vec<String>,
}

/// A TLS certificate in a Secret of type `kubernetes.io/tls`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateFile {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// The subject's common name.
    pub common_name: String,
    /// DNS names of the certificate.
    #[serde(default)]
    pub dns_names: Vec<String>,
    /// IP addresses of the certificate.
    #[serde(default)]
    pub ip_addresses: Vec<String>,
    /// Who signs: `cert-manager` (the CA is handed over as a `ClusterIssuer`) or `tstack` (no cert-manager is needed).
    pub issuer: CertificateIssuer,
}

/// Secrets that tstack makes once. One that is there already stays as it is, whoever made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsFile {
    /// Their namespace; made when it is absent.
    pub namespace: String,
    /// The name of the authority that signs the `tls` ones, also its own DNS name in its certificate. It is made for this component and,
    /// unless one of them asks for it, its key is thrown away. Default: the component's name.
    #[serde(default)]
    pub authority: Option<String>,
    /// Pairs of key and certificate, each for servers and clients, with the authority's certificate as `ca.crt`.
    #[serde(default)]
    pub tls: Vec<TlsSecretFile>,
    /// Random bytes, such as the key of a session.
    #[serde(default)]
    pub random: Vec<RandomSecretFile>,
}

/// A Secret with `tls.crt`, `tls.key` and `ca.crt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsSecretFile {
    /// The Secret's name.
    pub secret: String,
    /// DNS names of the certificate; the first is its common name too.
    pub dns_names: Vec<String>,
    /// Whether it also holds the authority's key, as `ca.key`, for a program that signs further certificates itself. All keys of the component
    /// are RSA in PKCS#1 then, the one form that such programs read.
    #[serde(default)]
    pub authority_key: bool,
}

/// A Secret with random bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RandomSecretFile {
    /// The Secret's name.
    pub secret: String,
    /// The key in it.
    pub key: String,
    /// How many bytes.
    #[schemars(range(min = 16, max = 4096))]
    pub bytes: u16,
}

/// Who signs a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateIssuer {
    /// cert-manager, with the local CA as its `ClusterIssuer`.
    CertManager,
    /// tstack itself.
    Tstack,
}

/// An image of one layer with one static program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageFile {
    /// The image's name, without tag or digest; manifests that name it get the tag of its content.
    pub name: String,
    /// The program in the stack folder; `{arch}` stands for the node's architecture, `amd64` or `arm64`.
    pub binary: String,
    /// The numeric user that runs it. Default 65532.
    #[serde(default)]
    pub user: Option<u32>,
    /// Environment of the program.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Ports that it listens on, for people who read the image.
    #[serde(default)]
    pub ports: Vec<u16>,
}

/// One check: exactly one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckFile {
    /// Unique in the stack; shown to people: `tasks over http`.
    pub name: String,
    /// Only with `verify --deep`, since it takes long or puts load on the stack.
    #[serde(default)]
    pub deep: bool,
    /// The components that must be ready before it runs. Without it: all of the stack. For a check that itself waits for something that
    /// takes its time once these are there, and that puts no load on anything.
    #[serde(default)]
    pub needs: Vec<String>,
    /// One request and what its answer must be.
    #[serde(default)]
    pub http: Option<HttpCheck>,
    /// A TLS handshake: the chain must verify against the cluster's CA, and the certificate must hold the names.
    #[serde(default)]
    pub tls: Option<TlsCheck>,
    /// Many requests on one kept-alive connection, and exactly how many get which status.
    #[serde(default)]
    pub rate_limit: Option<RateLimitCheck>,
    /// Slow requests at once: none is refused below the limit, and some are above it.
    #[serde(default)]
    pub circuit_breaker: Option<CircuitBreakerCheck>,
    /// A condition and fields of a Kubernetes object.
    #[serde(default)]
    pub condition: Option<ConditionCheck>,
    /// A Prometheus query and the bounds of its value.
    #[serde(default)]
    pub promql: Option<PromqlCheck>,
    /// Load until the replicas rise.
    #[serde(default)]
    pub autoscale: Option<AutoscaleCheck>,
}

/// One request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpCheck {
    /// `http://` or `https://`; https is verified against the cluster's CA.
    pub url: String,
    /// Request headers. `${unique}` in a value stands for a text that no other request has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The status that must come. Default 200.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// JSON pointers into the body and the values that they must have: `/version: v1`.
    #[serde(default)]
    pub json: BTreeMap<String, Value>,
}

/// A TLS handshake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsCheck {
    /// `host:port` to connect to; the host is the server name too.
    pub address: String,
    /// DNS names and IP addresses that the certificate must hold.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Many requests on one kept-alive connection. The limiter refills continuously, so what the time of the run itself
/// refilled is taken into account, and a run that was too slow to tell is repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitCheck {
    /// Where the requests go.
    pub url: String,
    /// Request headers, the same for the whole run. `${unique}` stands for a text that no other run has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How many requests are sent.
    #[schemars(range(min = 1, max = 10000))]
    pub requests: u32,
    /// The limit: how many pass in one minute. The rest must get 429.
    pub per_minute: u32,
    /// The bucket is shared with other clients (it has no user of its own): one that is not full is waited for, up to a minute.
    #[serde(default)]
    pub shared: bool,
}

/// Slow requests at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreakerCheck {
    /// Where the requests go; the answer must take about a second, so that they really are at once.
    pub url: String,
    /// Request headers. `${unique}` in a value is different for each request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// So many at once must all be answered with 200.
    pub below: u32,
    /// So many at once must give at least one 503 overflow.
    pub above: u32,
}

/// A condition and fields of a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConditionCheck {
    /// The object's API version: `keda.sh/v1alpha1`.
    pub api_version: String,
    /// The object's kind.
    pub kind: String,
    /// The object's namespace; absent for cluster-wide kinds.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// The condition's type, which must have `status`. Looked up in `status.conditions`.
    #[serde(default, rename = "type")]
    pub condition: Option<String>,
    /// `True`, `False` or `Unknown`. Default `True`.
    #[serde(default = "status_true")]
    pub status: String,
    /// JSON pointers into the object and the values that they must have: `/spec/minReplicaCount: 1`.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}

/// A Prometheus query and the bounds of its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromqlCheck {
    /// The Prometheus Service, asked through the API server.
    pub service: ServiceFile,
    /// The query; it must give exactly one series.
    pub query: String,
    /// The least value that passes.
    #[serde(default)]
    pub min: Option<f64>,
    /// The greatest value that passes.
    #[serde(default)]
    pub max: Option<f64>,
    /// How long the value may take to get there (metrics are scraped): `30s`. Default 30s.
    #[serde(default)]
    pub within: Option<String>,
}

/// Load until the replicas of a Deployment rise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoscaleCheck {
    /// Where the load goes.
    pub url: String,
    /// Request headers. `${user}` in a value is one of `users` texts in turn.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How many different users the load comes from.
    #[serde(default = "one")]
    pub users: u32,
    /// Requests a second over all connections.
    #[schemars(range(min = 1, max = 2000))]
    pub requests_per_second: u32,
    /// The namespace of the Deployment.
    pub namespace: String,
    /// The Deployment whose replicas must rise.
    pub deployment: String,
    /// How long the load goes on at most: `3m`. Default 3m.
    #[serde(default)]
    pub within: Option<String>,
}

const fn ok() -> u16 {
    200
}

const fn one() -> u32 {
    1
}

fn status_true() -> String {
    "True".into()
}
