//! Who may call, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::words::{self, Span};

/// Who may call: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthFile {
    /// Programs and pages that hold a JSON Web Token.
    #[serde(default)]
    pub jwt: Option<Jwt>,
    /// People, who are sent to log in where they are known (OpenID Connect).
    #[serde(default)]
    pub oidc: Option<Oidc>,
    /// A name and a password.
    #[serde(default)]
    pub basic: Option<Basic>,
    /// A key for each client.
    #[serde(default)]
    pub api_key: Option<ApiKey>,
    /// Another service decides.
    #[serde(default)]
    pub external: Option<External>,
}

/// JSON Web Tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwt {
    /// Who makes the tokens: their `iss`.
    #[schemars(length(min = 1, max = 253))]
    pub issuer: String,
    /// For whom they are made: one of these must be in their `aud`.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub audiences: Vec<String>,
    /// Where the issuer's keys are. Exactly one of this and `jwksConfigMap`.
    #[serde(default)]
    #[schemars(with = "Option<words::HttpsUrl>")]
    pub jwks_uri: Option<String>,
    /// The `ConfigMap` with the issuer's keys under `jwks`.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub jwks_config_map: Option<String>,
    /// Claims that the service gets as headers: header to claim. Default: the header of the rate limit gets `sub`.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    /// Whether a request without a token passes. A bad token never does. Default: no.
    #[serde(default)]
    pub optional: bool,
}

/// OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oidc {
    /// Where people log in.
    #[schemars(with = "words::HttpsUrl")]
    pub issuer: String,
    /// The name under which the issuer knows this service.
    #[schemars(length(min = 1, max = 253))]
    pub client_id: String,
    /// The Secret with the password that the issuer gave, under `client-secret`.
    #[schemars(with = "words::Label")]
    pub client_secret: String,
    /// What is asked of the issuer beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Where the issuer sends people back to; its path must be on a route. Default: `oauth2/callback` below the first prefix.
    #[serde(default)]
    #[schemars(with = "Option<words::HttpsUrl>")]
    pub redirect_url: Option<String>,
    /// Where people log out; it must be on a route. Default: `logout` below the first prefix.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub logout_path: Option<String>,
    /// The issuer's authorization endpoint. Default, for both endpoints: what the issuer says itself.
    #[serde(default)]
    #[schemars(with = "Option<words::HttpsUrl>")]
    pub authorization_endpoint: Option<String>,
    /// The issuer's token endpoint.
    #[serde(default)]
    #[schemars(with = "Option<words::HttpsUrl>")]
    pub token_endpoint: Option<String>,
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basic {
    /// The Secret with the users under `.htpasswd`, their passwords as `{SHA}`.
    #[schemars(with = "words::Label")]
    pub secret: String,
    /// The header in which the service gets the user's name. Default: the header of the rate limit, if there is one.
    #[serde(default)]
    #[schemars(with = "Option<words::HeaderName>")]
    pub user_header: Option<String>,
}

/// A key for each client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// The Secret with the keys, each under its client's name.
    #[schemars(with = "words::Label")]
    pub secret: String,
    /// The header that carries the key. Default: x-api-key.
    #[serde(default = "x_api_key")]
    #[schemars(with = "words::HeaderName")]
    pub header: String,
    /// The header in which the service gets the client's name. Default: the header of the rate limit, if there is one.
    #[serde(default)]
    #[schemars(with = "Option<words::HeaderName>")]
    pub client_header: Option<String>,
}

fn x_api_key() -> String {
    "x-api-key".into()
}

/// Another service decides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct External {
    /// Its Kubernetes Service, in the namespace.
    #[schemars(with = "words::ServiceName")]
    pub service: String,
    /// Its port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// How it is asked. Default: http.
    #[serde(default)]
    pub protocol: Protocol,
    /// What stands before the path of the request, for `http` alone.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub path: Option<String>,
    /// Headers of its answer that the service gets, for `http` alone.
    #[serde(default)]
    #[schemars(with = "Vec<words::HeaderName>")]
    pub headers: Vec<String>,
    /// How long its answer may take. Default: 2s.
    #[serde(default = "two_seconds")]
    pub timeout: Span,
    /// Whether requests pass while it does not answer. Default: no.
    #[serde(default)]
    pub fail_open: bool,
}

fn two_seconds() -> Span {
    Span::seconds(2)
}

/// How an external service is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A request of its own for each.
    #[default]
    Http,
    /// Envoy's own protocol.
    Grpc,
}

/// Which web pages of other origins may call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// Origins such as `https://app.example.com` or `https://*.example.com`; `*` for all.
    #[schemars(length(min = 1, max = 64))]
    pub origins: Vec<String>,
    /// Methods. Default: GET, POST, PUT, PATCH, DELETE and OPTIONS.
    #[serde(default = "usual_methods")]
    #[schemars(length(min = 1, max = 9))]
    pub methods: Vec<super::Method>,
    /// Headers that pages may send. Default: Authorization and Content-Type.
    #[serde(default = "usual_headers")]
    #[schemars(with = "Vec<words::HeaderName>")]
    pub headers: Vec<String>,
    /// Headers of answers that pages may read.
    #[serde(default)]
    #[schemars(with = "Vec<words::HeaderName>")]
    pub expose_headers: Vec<String>,
    /// How long a browser remembers this. Default: 1h.
    #[serde(default = "one_hour")]
    pub max_age: Span,
    /// Whether pages may send cookies and passwords. Default: no.
    #[serde(default)]
    pub credentials: bool,
}

fn usual_methods() -> Vec<super::Method> {
    use super::Method;
    vec![Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Options]
}

fn usual_headers() -> Vec<String> {
    vec!["Authorization".into(), "Content-Type".into()]
}

fn one_hour() -> Span {
    Span::seconds(3600)
}
