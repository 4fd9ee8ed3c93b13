//! The one policy that says who may call.

use super::super::document::Document;
use super::{list, map, targets};
use crate::spec::{ApiKey, Auth, Cors, External, JwtAuth, Keys, OidcAuth, Protocol, ServiceSpec};
use crate::yaml::Map;

pub(in crate::generate) fn security_policy(spec: &ServiceSpec) -> Option<Document> {
    spec.gateway.as_ref()?;
    let mut body = Map::new();
    body.put("targetRefs", targets(spec));
    let before = body.to_value();
    match &spec.auth {
        Some(Auth::Jwt(auth)) => {
            body.put("jwt", jwt(spec, auth));
        }
        Some(Auth::Oidc(auth)) => {
            body.put("oidc", oidc(auth));
        }
        Some(Auth::Basic { secret, user_header }) => {
            body.put("basicAuth", basic(secret, user_header.as_deref()));
        }
        Some(Auth::ApiKey(key)) => {
            body.put("apiKeyAuth", api_key(key));
        }
        Some(Auth::External(external)) => {
            body.put("extAuth", ext_auth(external));
        }
        None => {}
    }
    if !spec.ip_allow.is_empty() {
        body.put("authorization", authorization(&spec.ip_allow));
    }
    if let Some(cors) = &spec.cors {
        body.put("cors", cross_origin(cors));
    }
    if body.to_value() == before {
        return None;
    }
    let head = "Who may call. One policy: a second one on the same route would be refused as Conflicted.";
    let kind = ("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy");
    Some(Document::new(spec, "61-security-policy.yaml", kind, &spec.object_name("security"), head).with_spec(body))
}

fn jwt(spec: &ServiceSpec, auth: &JwtAuth) -> Map {
    let mut provider = map([("name", (&spec.name).into()), ("issuer", (&auth.issuer).into())]);
    if !auth.audiences.is_empty() {
        provider.put("audiences", list(&auth.audiences)).above("a token for another service is not good here");
    }
    match &auth.keys {
        Keys::Uri(uri) => {
            provider.put("remoteJWKS", map([("uri", uri.into())])).above("Envoy fetches the keys, and again every five minutes");
        }
        Keys::ConfigMap(name) => {
            let reference = map([("group", "".into()), ("kind", "ConfigMap".into()), ("name", name.into())]);
            provider
                .put("localJWKS", map([("type", "ValueRef".into()), ("valueRef", reference.into())]))
                .above("the keys lie under `jwks`");
        }
    }
    if !auth.headers.is_empty() {
        let headers = auth.headers.iter().map(|(header, claim)| map([("header", header.into()), ("claim", claim.into())]));
        provider.put("claimToHeaders", list(headers)).above("texts, numbers and booleans; a claim that is a list is left out");
    }
    let mut body = Map::new();
    if auth.optional {
        body.put("optional", true).above("a request without a token passes; one with a bad token does not");
    }
    body.put("providers", list([provider]));
    body
}

fn oidc(auth: &OidcAuth) -> Map {
    let mut provider = map([("issuer", (&auth.issuer).into())]);
    if let Some((authorization, token)) = &auth.endpoints {
        provider.put("authorizationEndpoint", authorization).above("with both given, nothing is asked of the issuer at the start");
        provider.put("tokenEndpoint", token);
    }
    let mut body = map([("provider", provider.into()), ("clientID", (&auth.client_id).into())]);
    body.put("clientSecret", map([("name", (&auth.client_secret).into())])).above("a Secret with the key `client-secret`");
    if !auth.scopes.is_empty() {
        body.put("scopes", list(&auth.scopes));
    }
    body.put("redirectURL", &auth.redirect_url).above("both paths are on a route of this service: elsewhere the gateway would answer 404");
    body.put("logoutPath", &auth.logout_path);
    body
}

fn basic(secret: &str, user_header: Option<&str>) -> Map {
    let mut body = Map::new();
    body.put("users", map([("name", secret.into())])).above("a Secret with the key `.htpasswd`, passwords as {SHA}: `htpasswd -s`");
    if let Some(header) = user_header {
        body.put("forwardUsernameHeader", header);
    }
    body
}

fn api_key(key: &ApiKey) -> Map {
    let mut body = Map::new();
    body.put("credentialRefs", list([map([("name", (&key.secret).into())])])).above("a Secret with each key under its client's name");
    body.put("extractFrom", list([map([("headers", list([&key.header]).into())])]));
    body.put_some("forwardClientIDHeader", key.client_header.as_deref());
    body.put("sanitize", true).behind("the service never sees the key");
    body
}

fn ext_auth(external: &External) -> Map {
    let reference =
        map([("group", "".into()), ("kind", "Service".into()), ("name", (&external.service).into()), ("port", external.port.into())]);
    let mut how = map([("backendRefs", list([reference]).into())]);
    how.put_some("path", external.path.as_deref());
    if !external.headers.is_empty() {
        how.put("headersToBackend", list(&external.headers));
    }
    let mut body = Map::new();
    body.put(if external.protocol == Protocol::Grpc { "grpc" } else { "http" }, how);
    body.put("timeout", external.timeout.as_str());
    let why = if external.fail_open { "while it does not answer, everybody passes" } else { "while it does not answer, nobody passes" };
    body.put("failOpen", external.fail_open).behind(why);
    body
}

fn authorization(networks: &[String]) -> Map {
    let mut rule = map([("action", "Allow".into())]);
    rule.put("principal", map([("clientCIDRs", list(networks).into())]))
        .above("the address that the gateway sees; see the policy for clients");
    map([("defaultAction", "Deny".into()), ("rules", list([rule]).into())])
}

fn cross_origin(cors: &Cors) -> Map {
    let mut body = Map::new();
    body.put("allowOrigins", list(&cors.origins));
    body.put("allowMethods", list(cors.methods.iter().map(|method| method.as_str())));
    if !cors.headers.is_empty() {
        body.put("allowHeaders", list(&cors.headers));
    }
    if !cors.expose_headers.is_empty() {
        body.put("exposeHeaders", list(&cors.expose_headers));
    }
    body.put("maxAge", cors.max_age.as_str()).behind("as long a browser asks no more");
    body.put("allowCredentials", cors.credentials);
    body
}
