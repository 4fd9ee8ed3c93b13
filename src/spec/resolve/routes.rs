//! Routes and where they lead.

use super::super::file::{PathMatch, RouteFile, Strategy};
use super::super::model::{Action, Backend, Route, Split, Version};
use super::{Context, paths};

impl Context<'_> {
    pub(super) fn routes(&mut self, versions: &[Version], split: Option<&Split>) -> Vec<Route> {
        let default = self.default_backends(versions, split);
        let mut all = Vec::new();
        let file = self.file;
        for (index, route) in file.routes.iter().enumerate() {
            let at = format!("/routes/{index}");
            self.route_alone(route, &at);
            self.route_check(route, &at);
            if let Some(first) = file.routes[..index].iter().position(|other| same_requests(other, route)) {
                let place = self.found.place(self.at(&format!("/routes/{first}")));
                self.wrong(&at, format!("the same requests are already routed at {place}"), "make one route of the two");
            }
            let default_for_route = route.version.is_none() && route.backends.is_empty() && route.redirect.is_none();
            let action = self.action(route, versions, &default, &at);
            let made = Route {
                path: route.path.clone(),
                path_match: route.path_match,
                methods: route.methods.clone(),
                headers: route.headers.clone(),
                query: route.query.clone(),
                hosts: if route.hosts.is_empty() { file.hosts.clone() } else { route.hosts.clone() },
                action,
                timeout: route.timeout.clone(),
                check: route.check.clone(),
            };
            if let Some(split) = split.filter(|split| default_for_route && split.strategy == Strategy::Ab) {
                all.push(candidate_route(&made, split, versions));
            }
            all.push(made);
        }
        all
    }

    /// What can be said of a route by itself.
    fn route_alone(&mut self, route: &RouteFile, at: &str) {
        if let Some((message, hint)) = paths::check(&route.path, route.path_match) {
            self.wrong(&format!("{at}/path"), message, hint);
        }
        for (key, list) in [("headers", &route.headers), ("query", &route.query)] {
            for (index, value) in list.iter().enumerate() {
                let pointer = format!("{at}/{key}/{index}");
                if list[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&value.name)) {
                    self.wrong(&pointer, format!("`{}` is asked for twice", value.name), "one entry for each name");
                }
                if let Some(why) = value.regex.then(|| paths::check_regex(&value.value)).flatten() {
                    let message = format!("`{}` is not a regular expression: {why}", value.value);
                    self.wrong(&format!("{pointer}/value"), message, "see the syntax of RE2");
                }
            }
        }
        for (index, method) in route.methods.iter().enumerate() {
            if route.methods[..index].contains(method) {
                self.wrong(&format!("{at}/methods/{index}"), format!("`{}` is given twice", method.as_str()), "leave one out");
            }
        }
    }

    /// A check must ask for what the route takes in.
    fn route_check(&mut self, route: &RouteFile, at: &str) {
        let Some(check) = &route.check else { return };
        for (key, asked) in [("path", &check.path), ("slow", &check.slow)] {
            let path = asked.as_deref().map(|asked| asked.split_once('?').map_or(asked, |(path, _)| path));
            if let Some(path) = path.filter(|path| !paths::covers(&route.path, route.path_match, path)) {
                let message = format!("a request for `{path}` is not on this route");
                self.wrong(&format!("{at}/check/{key}"), message, format!("name a path that `{}` takes in", route.path));
            }
        }
        if let Some(pointer) = check.json.keys().find(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            let message = format!("`{pointer}` is not a JSON pointer");
            self.wrong_key(&format!("{at}/check/json"), message, "begin it with `/`, as in `/version: v1`");
        }
    }

    fn action(&mut self, route: &RouteFile, versions: &[Version], default: &[Backend], at: &str) -> Action {
        let given: Vec<&str> =
            [("version", route.version.is_some()), ("backends", !route.backends.is_empty()), ("redirect", route.redirect.is_some())]
                .iter()
                .filter(|(_, given)| *given)
                .map(|(key, _)| *key)
                .collect();
        if let [_, second, ..] = given[..] {
            let message = format!("`{}` say different things of one route", given.join("` and `"));
            self.wrong_key(&format!("{at}/{second}"), message, "keep one of them");
        }
        if let Some(redirect) = &route.redirect {
            if redirect.scheme.is_none() && redirect.host.is_none() && redirect.port.is_none() && redirect.path.is_none() {
                let hint = "say where to, with `scheme`, `host`, `port` or `path`";
                self.wrong_key(&format!("{at}/redirect"), "the redirect leads to the same address again", hint);
            }
            for (key, given) in [("rewrite", route.rewrite.is_some()), ("timeout", route.timeout.is_some())] {
                if given {
                    let message = format!("`{key}` is for requests that are passed on, and this route redirects");
                    self.wrong_key(&format!("{at}/{key}"), message, "leave it out");
                }
            }
            return Action::Redirect(redirect.clone());
        }
        if let Some(rewrite) = &route.rewrite {
            if rewrite.prefix.is_some() && rewrite.path.is_some() {
                self.wrong_key(&format!("{at}/rewrite/path"), "`prefix` and `path` both replace the path", "keep one of them");
            }
            if rewrite.prefix.is_none() && rewrite.path.is_none() && rewrite.host.is_none() {
                self.wrong_key(&format!("{at}/rewrite"), "nothing is rewritten", "add `prefix`, `path` or `host`, or leave `rewrite` out");
            }
            if rewrite.prefix.is_some() && route.path_match != PathMatch::PathPrefix {
                let hint = "use `match: PathPrefix`, or `path` in place of `prefix`";
                self.wrong_key(&format!("{at}/rewrite/prefix"), "only a prefix that was matched can be replaced", hint);
            }
        }
        Action::Forward { backends: self.backends(route, versions, default, at), rewrite: route.rewrite.clone() }
    }

    fn backends(&mut self, route: &RouteFile, versions: &[Version], default: &[Backend], at: &str) -> Vec<Backend> {
        if let Some(name) = &route.version {
            self.known_version(name, versions, &format!("{at}/version"));
            let of = |v: &Version| Backend { version: Some(v.name.clone()), service: v.service.clone(), port: v.port, weight: 1 };
            return versions.iter().filter(|v| v.name == *name).map(of).collect();
        }
        if route.backends.is_empty() {
            return default.to_vec();
        }
        let mut all: Vec<Backend> = Vec::new();
        for (index, file) in route.backends.iter().enumerate() {
            let pointer = format!("{at}/backends/{index}");
            let (version, service, port) = match (&file.version, &file.service) {
                (Some(name), None) => {
                    if !self.known_version(name, versions, &format!("{pointer}/version")) {
                        continue;
                    }
                    let Some(version) = versions.iter().find(|v| v.name == *name) else { continue };
                    (Some(name.clone()), version.service.clone(), file.port.unwrap_or(version.port))
                }
                (None, Some(service)) => (None, service.clone(), file.port.unwrap_or(self.file.port)),
                _ => {
                    self.wrong(&pointer, "a backend is either a `version` or a `service`", "give exactly one of the two");
                    continue;
                }
            };
            if all.iter().any(|other| other.service == service && other.port == port) {
                self.wrong(&pointer, format!("the backend `{service}` port {port} is given twice"), "add the two weights up in one entry");
            }
            all.push(Backend { version, service, port, weight: file.weight });
        }
        if route.backends.iter().all(|backend| backend.weight == 0) {
            let hint = "the gateway would answer 500: give one of them a weight above 0";
            self.wrong_key(&format!("{at}/backends"), "the weights add up to 0", hint);
        }
        all
    }
}

/// The route of the requests that ask for the candidate.
fn candidate_route(route: &Route, split: &Split, versions: &[Version]) -> Route {
    let mut made = route.clone();
    // what is said of the answer is said of the stable version's
    if let Some(check) = &mut made.check {
        check.json.clear();
    }
    made.headers.retain(|h| split.header.as_ref().is_none_or(|header| !h.name.eq_ignore_ascii_case(&header.name)));
    made.headers.extend(split.header.clone().map(Into::into));
    let of = |v: &Version| Backend { version: Some(v.name.clone()), service: v.service.clone(), port: v.port, weight: 1 };
    if let Action::Forward { backends, .. } = &mut made.action {
        *backends = versions.iter().filter(|v| v.name == split.candidate).map(of).collect();
    }
    made
}

/// Whether two routes take the same requests.
fn same_requests(a: &RouteFile, b: &RouteFile) -> bool {
    a.path == b.path
        && a.path_match == b.path_match
        && a.headers == b.headers
        && a.query == b.query
        && a.hosts == b.hosts
        && (a.methods == b.methods || a.methods.iter().any(|m| b.methods.contains(m)))
}
