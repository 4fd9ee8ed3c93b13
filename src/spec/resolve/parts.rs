//! Rules that look at several parts of a specification.

use super::super::file::Profile;
use super::super::model::{Action, Auth, Route, ServiceSpec};
use super::super::rules::{MAX_MATCHES, MAX_RULES};
use super::{Context, paths};

impl Context<'_> {
    /// Without a route there is no gateway, and nothing that a gateway does.
    pub(super) fn only_with_routes(&mut self) {
        if !self.file.routes.is_empty() {
            return;
        }
        let keys = [
            "hosts",
            "split",
            "gateway",
            "tls",
            "rateLimit",
            "circuitBreaker",
            "healthCheck",
            "retry",
            "timeout",
            "auth",
            "ipAllow",
            "cors",
            "client",
        ];
        for key in keys {
            if self.is_given(&format!("/{key}")) {
                let message = format!("`{key}` is what the gateway does, and without routes there is none");
                self.wrong_key(&format!("/{key}"), message, "add a route, or leave this out");
            }
        }
    }

    /// Paths of the inside are nobody's business but the cluster's.
    pub(super) fn exposed(&mut self, spec: &ServiceSpec) {
        if spec.auth.is_some() || !spec.ip_allow.is_empty() {
            return;
        }
        for index in 0..self.file.routes.len() {
            let route = &self.file.routes[index];
            let pointer = format!("/routes/{index}/path");
            match paths::exposes(&route.path, route.path_match) {
                Some((inside, true)) => {
                    let hint = "leave the route out (probes and Prometheus reach the pods directly), or add `auth` or `ipAllow`";
                    self.wrong(&pointer, format!("`{inside}` tells everybody how the service is doing"), hint);
                }
                Some((inside, false)) if route.redirect.is_none() => {
                    let hint = "name the paths that are meant, such as `/api`, or add `auth` or `ipAllow`";
                    self.warn(&pointer, format!("`{}` takes in `{inside}` too", route.path), hint);
                }
                _ => {}
            }
        }
    }

    /// What profile `production` and the Gateway API ask of the whole.
    pub(super) fn fits(&mut self, spec: &ServiceSpec) {
        for http in spec.http_routes() {
            let matches: usize = http.rules.iter().map(|rule| rule.matches.len()).sum();
            if http.rules.len() > MAX_RULES || matches > MAX_MATCHES {
                let message = format!(
                    "the routes make {} rules with {matches} matches; one HTTPRoute takes at most {MAX_RULES} with {MAX_MATCHES}",
                    http.rules.len()
                );
                self.wrong_key("/routes", message, "make routes one by a common prefix, or write a second specification");
            }
        }
        self.needs_https(spec);
        if spec.profile != Profile::Production || spec.gateway.is_none() {
            return;
        }
        if self.file.tls.is_none() {
            let hint = "add `tls`, for example `tls: {mode: issuer, issuer: {name: letsencrypt}}`";
            self.wrong_key("/profile", "profile `production` speaks HTTPS alone, and there is no `tls`", hint);
        }
        if spec.tls.as_ref().is_some_and(|tls| tls.dns_names == ["localhost"]) {
            let hint = "add `hosts`, or name them under `tls.dnsNames`";
            self.wrong_key("/tls", "the certificate would be for localhost alone", hint);
        }
    }

    /// A password or key that is sent over plain HTTP is everybody's.
    fn needs_https(&mut self, spec: &ServiceSpec) {
        if matches!(spec.auth, Some(Auth::Jwt(_))) && !spec.redirects_to_https() {
            let hint = "add `tls`, and leave `redirect: false` out";
            self.warn("/auth/jwt", "tokens can be sent in plain HTTP, where they can be read and used again", hint);
        }
        let (key, what) = match &spec.auth {
            Some(Auth::Basic { .. }) => ("basic", "the password"),
            Some(Auth::ApiKey(_)) => ("apiKey", "the key"),
            Some(Auth::Oidc(_)) => ("oidc", "the login"),
            _ => return,
        };
        if spec.tls.is_none() {
            self.wrong_key(&format!("/auth/{key}"), format!("{what} would be sent in plain HTTP"), "add `tls`");
        } else if !spec.redirects_to_https() {
            self.wrong_key(
                &format!("/auth/{key}"),
                format!("{what} could be sent in plain HTTP"),
                "leave out `redirect: false` under `tls`",
            );
        }
    }
}

/// Whether a path is on one of the routes that pass requests on.
pub(super) fn is_routed(path: &str, routes: &[Route]) -> bool {
    let forwarded = routes.iter().filter(|route| matches!(route.action, Action::Forward { .. }));
    forwarded.into_iter().any(|route| paths::covers(&route.path, route.path_match, path))
}
