//! Who may call.

use std::net::IpAddr;

use super::super::file::{Cors, External, Jwt, Oidc, PathMatch, Protocol, RateLimit};
use super::super::model::{Action, Auth, JwtAuth, Keys, OidcAuth, Route};
use super::Context;
use super::parts::is_routed;

impl Context<'_> {
    pub(super) fn auth(&mut self, routes: &[Route], limit: Option<&RateLimit>) -> Option<Auth> {
        let file = self.file.auth.as_ref()?;
        let given: Vec<&str> = [
            ("jwt", file.jwt.is_some()),
            ("oidc", file.oidc.is_some()),
            ("basic", file.basic.is_some()),
            ("apiKey", file.api_key.is_some()),
            ("external", file.external.is_some()),
        ]
        .iter()
        .filter(|(_, given)| *given)
        .map(|(key, _)| *key)
        .collect();
        match given[..] {
            [_] => {}
            [] => {
                let hint = "add one of `jwt`, `oidc`, `basic`, `apiKey` and `external`, or leave `auth` out";
                self.wrong_key("/auth", "`auth` says no method", hint);
            }
            [first, second, ..] => {
                let message = format!("`{first}` and `{second}` are two methods, and a request would have to pass both");
                self.wrong_key(&format!("/auth/{second}"), message, "keep one of them");
            }
        }
        let user_header = || limit.map(|limit| limit.user_header.clone());
        if let Some(jwt) = &file.jwt {
            return self.jwt(jwt, limit);
        }
        if let Some(oidc) = &file.oidc {
            return Some(self.oidc(oidc, routes));
        }
        if let Some(basic) = &file.basic {
            return Some(Auth::Basic { secret: basic.secret.clone(), user_header: basic.user_header.clone().or_else(user_header) });
        }
        if let Some(key) = &file.api_key {
            let mut key = key.clone();
            key.client_header = key.client_header.or_else(user_header);
            return Some(Auth::ApiKey(key));
        }
        let external = file.external.clone()?;
        self.external(&external);
        Some(Auth::External(external))
    }

    fn jwt(&mut self, jwt: &Jwt, limit: Option<&RateLimit>) -> Option<Auth> {
        let keys = match (&jwt.jwks_uri, &jwt.jwks_config_map) {
            (Some(uri), None) => Keys::Uri(uri.clone()),
            (None, Some(map)) => Keys::ConfigMap(map.clone()),
            (both, _) => {
                let message =
                    if both.is_some() { "the keys are said to be in two places" } else { "nothing says where the issuer's keys are" };
                self.wrong_key("/auth/jwt", message, "give exactly one of `jwksUri` and `jwksConfigMap`");
                return None;
            }
        };
        if jwt.audiences.is_empty() {
            let hint = "add `audiences` with the name under which the issuer knows this service";
            self.warn("/auth/jwt", "a token that the issuer made for another service passes too", hint);
        }
        if jwt.optional {
            let hint = "a rate limit for clients without a name still holds; leave `optional` out to refuse them";
            self.warn("/auth/jwt/optional", "requests without a token pass", hint);
        }
        let sub = || limit.map(|limit| (limit.user_header.clone(), "sub".to_owned())).into_iter().collect();
        for (header, claim) in jwt.headers.iter().flatten() {
            let name = header.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) && !header.is_empty();
            if !name || claim.is_empty() {
                let pointer = format!("/auth/jwt/headers/{}", header.replace('~', "~0").replace('/', "~1"));
                self.wrong(&pointer, format!("`{header}: {claim}` is not a header and a claim"), "write it as `x-user-id: sub`");
            }
        }
        Some(Auth::Jwt(JwtAuth {
            issuer: jwt.issuer.clone(),
            audiences: jwt.audiences.clone(),
            keys,
            headers: jwt.headers.clone().unwrap_or_else(sub),
            optional: jwt.optional,
        }))
    }

    fn oidc(&mut self, oidc: &Oidc, routes: &[Route]) -> Auth {
        let forward = |route: &&Route| matches!(route.action, Action::Forward { .. }) && route.path_match == PathMatch::PathPrefix;
        let prefix = routes.iter().find(forward).map_or("", |route| route.path.trim_end_matches('/'));
        // Envoy fills the scheme and host of the request in
        let redirect_url =
            oidc.redirect_url.clone().unwrap_or_else(|| format!("%REQ(x-forwarded-proto)%://%REQ(:authority)%{prefix}/oauth2/callback"));
        let logout_path = oidc.logout_path.clone().unwrap_or_else(|| format!("{prefix}/logout"));
        let callback = redirect_url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
        let callback = callback.unwrap_or_else(|| "/".into());
        if callback == "/" {
            self.wrong(
                "/auth/oidc/redirectUrl",
                "the URL has no path, and Envoy could not tell the answer of the issuer",
                "add a path such as `/oauth2/callback`",
            );
        }
        for (key, path) in [("redirectUrl", &callback), ("logoutPath", &logout_path)] {
            if path != "/" && !is_routed(path, routes) {
                let pointer = if self.is_given(&format!("/auth/oidc/{key}")) { format!("/auth/oidc/{key}") } else { "/auth/oidc".into() };
                let hint = format!("add a route that takes it in, or choose another `{key}`");
                self.wrong(&pointer, format!("no route takes in `{path}`, where the gateway would answer 404"), hint);
            }
        }
        let endpoints = match (&oidc.authorization_endpoint, &oidc.token_endpoint) {
            (Some(authorization), Some(token)) => Some((authorization.clone(), token.clone())),
            (None, None) => None,
            _ => {
                self.wrong("/auth/oidc", "one endpoint is given and the other is not", "give both, or neither");
                None
            }
        };
        Auth::Oidc(OidcAuth {
            issuer: oidc.issuer.clone(),
            endpoints,
            client_id: oidc.client_id.clone(),
            client_secret: oidc.client_secret.clone(),
            scopes: oidc.scopes.clone(),
            redirect_url,
            logout_path,
        })
    }

    fn external(&mut self, external: &External) {
        if external.protocol == Protocol::Grpc {
            for (key, given) in [("path", external.path.is_some()), ("headers", !external.headers.is_empty())] {
                if given {
                    let hint = "leave it out, or use `protocol: http`";
                    self.wrong_key(&format!("/auth/external/{key}"), format!("`{key}` is for `protocol: http` alone"), hint);
                }
            }
        }
        if external.fail_open {
            let hint = "leave `failOpen` out to refuse requests then";
            self.warn("/auth/external/failOpen", "while the service does not answer, everybody may call", hint);
        }
    }

    pub(super) fn ip_allow(&mut self) -> Vec<String> {
        let file = self.file;
        for (index, network) in file.ip_allow.iter().enumerate() {
            let parts =
                network.split_once('/').and_then(|(address, bits)| Some((address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?)));
            let good = parts.is_some_and(|(address, bits)| bits <= if address.is_ipv4() { 32 } else { 128 });
            if !good {
                let one = network.parse::<IpAddr>();
                let hint = match one {
                    Ok(address) => format!("for one address write `{address}/{}`", if address.is_ipv4() { 32 } else { 128 }),
                    Err(_) => "write it as `10.0.0.0/8` or `2001:db8::/32`".to_owned(),
                };
                self.wrong(&format!("/ipAllow/{index}"), format!("`{network}` is not a network"), hint);
            }
        }
        if !file.ip_allow.is_empty() && !self.is_production() && file.client.as_ref().is_none_or(|c| c.trusted_hops.is_none()) {
            let hint = "the address is that of the cluster's bridge; with `client.trustedHops: 1` the gateway believes `X-Forwarded-For`";
            self.warn("/ipAllow", "on a local cluster all requests come from one address", hint);
        }
        file.ip_allow.clone()
    }

    pub(super) fn cors(&mut self) -> Option<Cors> {
        let cors = self.file.cors.clone()?;
        for (index, origin) in cors.origins.iter().enumerate() {
            let pointer = format!("/cors/origins/{index}");
            if let Some((message, hint)) = check_origin(origin) {
                self.wrong(&pointer, message, hint);
            }
            if origin == "*" && cors.credentials {
                let hint = "name the origins, or leave `credentials` out";
                self.wrong(&pointer, "pages of every origin could act with a user's cookies", hint);
            }
        }
        Some(cors)
    }
}

/// Says what is wrong with an origin, and what to do.
fn check_origin(origin: &str) -> Option<(String, String)> {
    if origin == "*" {
        return None;
    }
    let Some((scheme, rest)) = origin.split_once("://") else {
        return Some((format!("`{origin}` is not an origin"), "begin with `https://`".into()));
    };
    let scheme_good =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let host_good = host == "*" || name.split('.').all(label);
    let port_good = port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    if scheme_good && host_good && port_good && origin.len() <= 253 {
        return None;
    }
    let hint = "an origin is a scheme, a host and perhaps a port, without a path: `https://app.example.com`";
    Some((format!("`{origin}` is not an origin"), hint.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in ["*", "https://app.example.com", "http://localhost:3000", "https://*.example.com", "https://*"] {
            assert_eq!(check_origin(good), None, "{good}");
        }
        for bad in ["app.example.com", "https://a.example.com/", "https://a b", "https://", "https://a:port", "https://*a.b"] {
            assert!(check_origin(bad).is_some(), "{bad}");
        }
    }
}
