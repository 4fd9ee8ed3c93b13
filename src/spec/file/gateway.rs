//! The Gateway, its certificate and what it takes from clients, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::words::{self, Span};

/// The Gateway and the Envoy behind it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayFile {
    /// Its name. Default: `<name>-gateway`.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub name: Option<String>,
    /// The `GatewayClass`, which must exist. Default: eg.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub class_name: Option<String>,
    /// The ports of its listeners. Default: 80 and 443.
    #[serde(default)]
    pub ports: PortsFile,
    /// The ports that clients use, where they are not those of the listeners: redirects lead there. Default: in profile `local` 8080
    /// and 8443, else those of the listeners.
    #[serde(default)]
    pub public_ports: PortsFile,
    /// How Envoy is reached from outside of the cluster.
    #[serde(default)]
    pub service: GatewayServiceFile,
    /// How many Envoys serve. Default: 1, in production 2.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: Option<u32>,
    /// What each Envoy asks for and may use. Default: 50m, 64Mi and 512Mi, in production 100m, 256Mi and 1Gi.
    #[serde(default)]
    pub resources: Option<super::Resources>,
}

/// A pair of ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortsFile {
    /// For HTTP.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub http: Option<u16>,
    /// For HTTPS.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub https: Option<u16>,
}

/// The Kubernetes Service in front of Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayServiceFile {
    /// Its name. Default: `envoy-<namespace>-<name>`.
    #[serde(default)]
    #[schemars(with = "Option<words::ServiceName>")]
    pub name: Option<String>,
    /// Its type. Default: `NodePort`, in production `LoadBalancer`.
    #[serde(default, rename = "type")]
    pub kind: Option<ServiceType>,
    /// The ports on each node, for `NodePort` alone. Default: Kubernetes chooses.
    #[serde(default)]
    pub node_ports: NodePorts,
}

/// A type of Kubernetes Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// An address that the cloud gives.
    LoadBalancer,
    /// A port of every node.
    NodePort,
    /// Within the cluster alone.
    ClusterIP,
}

/// A pair of node ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePorts {
    /// For HTTP.
    #[serde(default)]
    #[schemars(range(min = 30000, max = 32767))]
    pub http: Option<u16>,
    /// For HTTPS.
    #[serde(default)]
    #[schemars(range(min = 30000, max = 32767))]
    pub https: Option<u16>,
}

/// HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsFile {
    /// Where the certificate comes from. Default: `selfSigned`; profile `production` needs another.
    #[serde(default)]
    pub mode: TlsMode,
    /// The Secret with the certificate, in the service's namespace. Default: `<name>-tls`.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub secret: Option<String>,
    /// The issuer of cert-manager, for mode `issuer` alone.
    #[serde(default)]
    pub issuer: Option<IssuerRef>,
    /// The Secret with the CA's certificate and key, for mode `ca` alone.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub ca_secret: Option<String>,
    /// Host names in the certificate. Default: `hosts`, else localhost.
    #[serde(default)]
    #[schemars(with = "Vec<words::HostName>", length(max = 100))]
    pub dns_names: Vec<String>,
    /// Addresses in the certificate. Default: `127.0.0.1` and `::1` where localhost is one of the names.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub ip_addresses: Option<Vec<String>>,
    /// How many days the certificate is good for; it is renewed when a third is left. Default: 90.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    pub days: Option<u32>,
    /// Whether HTTP answers nothing but the way to HTTPS. Default: in profile `local` only with `auth`, else
    /// always.
    #[serde(default)]
    pub redirect: Option<bool>,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TlsMode {
    /// cert-manager signs it with its own key: encrypted, but no client trusts it.
    #[default]
    SelfSigned,
    /// cert-manager signs it with the CA in `caSecret`.
    Ca,
    /// An issuer that exists signs it.
    Issuer,
    /// It lies in `secret` already.
    Existing,
}

/// An issuer of cert-manager.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerRef {
    /// Its name.
    #[schemars(with = "words::Label")]
    pub name: String,
    /// Its kind. Default: `ClusterIssuer`.
    #[serde(default)]
    pub kind: IssuerKind,
}

/// The kind of an issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum IssuerKind {
    /// For the whole cluster.
    #[default]
    ClusterIssuer,
    /// In the service's namespace.
    Issuer,
}

/// What the gateway takes from clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientFile {
    /// The oldest TLS that is spoken. Default: 1.2.
    #[serde(default)]
    pub min_tls_version: Option<TlsVersion>,
    /// How long a client may take to send a whole request. Default: in production 60s.
    #[serde(default)]
    pub request_timeout: Option<Span>,
    /// How long a connection may lie idle. Default: in production 5m.
    #[serde(default)]
    pub idle_timeout: Option<Span>,
    /// How many connections each Envoy takes. Default: any number.
    #[serde(default)]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub max_connections: Option<u32>,
    /// How many proxies before the gateway add to `X-Forwarded-For` and are believed: then the client's address is taken from there.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16))]
    pub trusted_hops: Option<u32>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}
