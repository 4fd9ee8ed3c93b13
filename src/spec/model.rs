//! What a service needs, with every default filled in: what is made of it never guesses.

use std::collections::BTreeMap;

use super::file::{
    ActiveHealthCheck, ApiKey, CircuitBreaker, ClientFile, Cors, CpuUse, Cron, External, IssuerRef, Kafka, NodePorts, PassiveHealthCheck,
    PathMatch, Profile, PullPolicy, RateLimit, Redirect, Resources, Retry, Rewrite, RouteCheck, ServiceType, Strategy, Timeout, ValueMatch,
};
use super::words::Span;
use super::{HeaderValue, Method};

/// A service and what it needs of the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// The name from which the names of all objects are made.
    pub name: String,
    /// The namespace of all objects.
    pub namespace: String,
    /// One line on what it is for.
    pub description: String,
    /// What tells this specification, parameters filled in, from any other.
    pub digest: String,
    /// Where it runs.
    pub profile: Profile,
    /// Whether the program is deployed too.
    pub deployed: bool,
    /// Its versions, never none; the first is the one that serves where nothing else is said.
    pub versions: Vec<Version>,
    /// How requests are shared between two versions; the routes have it already.
    pub split: Option<Split>,
    /// Host names; none for any.
    pub hosts: Vec<String>,
    /// The Gateway; none where there are no routes.
    pub gateway: Option<Gateway>,
    /// HTTPS.
    pub tls: Option<Tls>,
    /// Which requests lead where, in order.
    pub routes: Vec<Route>,
    /// How many requests a client may make.
    pub rate_limit: Option<RateLimit>,
    /// How much work may be under way.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Pods are asked.
    pub active_health_check: Option<ActiveHealthCheck>,
    /// Answers of pods are watched.
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Which requests are tried again.
    pub retry: Option<Retry>,
    /// How long things may take.
    pub timeout: Timeout,
    /// Who may call.
    pub auth: Option<Auth>,
    /// Networks from which requests are taken; none for all.
    pub ip_allow: Vec<String>,
    /// Which web pages may call.
    pub cors: Option<Cors>,
    /// What is taken from clients; what is absent is not generated.
    pub client: Option<ClientFile>,
    /// How the number of pods follows the load.
    pub autoscale: Option<Autoscale>,
    /// What stays while nodes are emptied.
    pub budgets: Vec<Budget>,
}

impl ServiceSpec {
    /// The name of an object: `task-api-route`.
    #[must_use]
    pub fn object_name(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// The version with a name.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Whether plain HTTP answers nothing but the way to HTTPS.
    #[must_use]
    pub fn redirects_to_https(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.redirect)
    }
}

/// A version of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Its Kubernetes Service, and its Deployment where there is a workload.
    pub service: String,
    /// The Service's port.
    pub port: u16,
    /// What runs; absent where the Service is taken as existing.
    pub workload: Option<Workload>,
}

/// The program of a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The image, with its tag.
    pub image: String,
    /// When it is pulled.
    pub pull_policy: PullPolicy,
    /// How many pods there are; none where a scaler says so.
    pub replicas: Option<u32>,
    /// Where it listens.
    pub port: u16,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Secrets that are part of its environment.
    pub env_secrets: Vec<String>,
    /// What a pod asks for.
    pub resources: Resources,
    /// The path that says whether a pod can serve.
    pub readiness: String,
    /// The path that says whether it is alive.
    pub liveness: String,
    /// The path of its metrics.
    pub metrics: Option<String>,
}

/// How requests are shared between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// In which way.
    pub strategy: Strategy,
    /// The version that serves today.
    pub stable: String,
    /// The version that is tried.
    pub candidate: String,
    /// The candidate's part of the requests; 0 for `ab`.
    pub percent: u32,
    /// The header that leads to the candidate, for `ab` alone.
    pub header: Option<HeaderValue>,
}

/// The Gateway and the Envoy behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class_name: String,
    /// The ports of its listeners.
    pub ports: Ports,
    /// The ports that clients use.
    pub public_ports: Ports,
    /// The name of Envoy's Service.
    pub service: String,
    /// Its type.
    pub service_type: ServiceType,
    /// Its ports on each node, where they are fixed.
    pub node_ports: NodePorts,
    /// How many Envoys serve.
    pub replicas: u32,
    /// What each asks for.
    pub resources: Resources,
}

/// A pair of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For HTTP.
    pub http: u16,
    /// For HTTPS.
    pub https: u16,
}

/// HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where the certificate comes from.
    pub source: CertificateSource,
    /// The Secret in which it lies.
    pub secret: String,
    /// Host names in it.
    pub dns_names: Vec<String>,
    /// Addresses in it.
    pub ip_addresses: Vec<String>,
    /// How many days it is good for.
    pub days: u32,
    /// Whether HTTP answers nothing but the way to HTTPS.
    pub redirect: bool,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// It signs itself.
    SelfSigned,
    /// The CA of a Secret signs it.
    Ca(String),
    /// An issuer that exists signs it.
    Issuer(IssuerRef),
    /// It is there already.
    Existing,
}

/// Which requests lead where.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The path.
    pub path: String,
    /// How it is compared.
    pub path_match: PathMatch,
    /// Methods; none for any.
    pub methods: Vec<Method>,
    /// Headers that a request must have.
    pub headers: Vec<ValueMatch>,
    /// Query parameters that a request must have.
    pub query: Vec<ValueMatch>,
    /// Host names; none for any.
    pub hosts: Vec<String>,
    /// What is done with them.
    pub action: Action,
    /// How long a request may take, where it differs from `timeout.request`.
    pub timeout: Option<Span>,
    /// What a check asks for, where it is said.
    pub check: Option<RouteCheck>,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is passed on.
    Forward {
        /// Where to, never nowhere; the sum of the weights is above 0.
        backends: Vec<Backend>,
        /// What is changed.
        rewrite: Option<Rewrite>,
    },
    /// The answer is another address.
    Redirect(Redirect),
}

/// A place to which requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The version, where it is one of this service.
    pub version: Option<String>,
    /// The Kubernetes Service.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// Its share beside the others.
    pub weight: u32,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Who has a JSON Web Token.
    Jwt(JwtAuth),
    /// Who logged in.
    Oidc(OidcAuth),
    /// Who has a name and a password.
    Basic {
        /// The Secret with the users.
        secret: String,
        /// The header in which the service gets the name.
        user_header: Option<String>,
    },
    /// Who has a key.
    ApiKey(ApiKey),
    /// Whom another service lets in.
    External(External),
}

/// JSON Web Tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtAuth {
    /// Who makes them.
    pub issuer: String,
    /// For whom they are made; none for all.
    pub audiences: Vec<String>,
    /// Where the keys are.
    pub keys: Keys,
    /// Header to claim.
    pub headers: BTreeMap<String, String>,
    /// Whether a request without a token passes.
    pub optional: bool,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// At a URL.
    Uri(String),
    /// In a `ConfigMap`.
    ConfigMap(String),
}

/// OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcAuth {
    /// Where people log in.
    pub issuer: String,
    /// Both endpoints, authorization and token, where they are not asked of the issuer.
    pub endpoints: Option<(String, String)>,
    /// The name under which the issuer knows the service.
    pub client_id: String,
    /// The Secret with the password.
    pub client_secret: String,
    /// What is asked beside `openid`.
    pub scopes: Vec<String>,
    /// Where people are sent back to.
    pub redirect_url: String,
    /// Where they log out.
    pub logout_path: String,
}

/// How the number of pods follows the load.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscale {
    /// The version that is scaled.
    pub version: String,
    /// Its Deployment.
    pub deployment: String,
    /// The fewest pods.
    pub min: u32,
    /// The most pods.
    pub max: u32,
    /// Seconds of less load before pods go.
    pub scale_down_after: u32,
    /// What is looked at.
    pub signal: Signal,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// With KEDA.
    Keda(Box<Keda>),
    /// With a `HorizontalPodAutoscaler`.
    Cpu(CpuUse),
}

/// What KEDA looks at; at least one of the three is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Keda {
    /// Seconds between two looks.
    pub polling: u32,
    /// Seconds without load before the last pod goes.
    pub cooldown: u32,
    /// A number that Prometheus knows.
    pub prometheus: Option<Prometheus>,
    /// Messages that wait.
    pub kafka: Option<Kafka>,
    /// The time of day.
    pub cron: Option<Cron>,
}

/// A number that Prometheus knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Where it is.
    pub server: String,
    /// The query.
    pub query: String,
    /// Whether the query is ours: requests that the gateway sends to the version.
    pub counts_gateway_requests: bool,
    /// How much of it one pod bears.
    pub threshold: String,
}

/// What stays while nodes are emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The version whose pods stay.
    pub version: String,
    /// How many.
    pub min_available: u32,
    /// The labels of its pods.
    pub selector: BTreeMap<String, String>,
}
