//! Routes as HTTPRoutes: one object for each set of host names, one rule for each route.

use super::file::PathMatch;
use super::model::{Action, Route, ServiceSpec};
use super::{Method, ValueMatch};

/// The most rules that one HTTPRoute takes.
pub const MAX_RULES: usize = 16;
/// The most matches that one HTTPRoute takes over all of its rules.
pub const MAX_MATCHES: usize = 127;

/// The routes that share their host names.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRoute<'a> {
    /// The object's name.
    pub name: String,
    /// Its host names; none for any.
    pub hosts: &'a [String],
    /// Its rules, in the order of the routes.
    pub rules: Vec<Rule<'a>>,
}

/// One rule of an HTTPRoute.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<'a> {
    /// The route that it is made of.
    pub route: &'a Route,
    /// Any of these; never none.
    pub matches: Vec<Match<'a>>,
}

/// What a request must be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match<'a> {
    /// The path.
    pub path: &'a str,
    /// How it is compared.
    pub path_match: PathMatch,
    /// The method; none for any.
    pub method: Option<Method>,
    /// Headers.
    pub headers: &'a [ValueMatch],
    /// Query parameters.
    pub query: &'a [ValueMatch],
}

impl ServiceSpec {
    /// The HTTPRoutes of the service, those of plain HTTP that lead to HTTPS left out.
    #[must_use]
    pub fn http_routes(&self) -> Vec<HttpRoute<'_>> {
        let mut all: Vec<HttpRoute<'_>> = Vec::new();
        for route in &self.routes {
            let place = all.iter().position(|r| r.hosts == route.hosts).unwrap_or_else(|| {
                let name = if all.is_empty() { "route".to_owned() } else { format!("route-{}", all.len() + 1) };
                all.push(HttpRoute { name: self.object_name(&name), hosts: &route.hosts, rules: Vec::new() });
                all.len() - 1
            });
            all[place].rules.extend(rules(route));
        }
        all
    }
}

/// The rules of one route.
fn rules(route: &Route) -> Vec<Rule<'_>> {
    let of = |method| Match { path: &route.path, path_match: route.path_match, method, headers: &route.headers, query: &route.query };
    let matches: Vec<Match<'_>> =
        if route.methods.is_empty() { vec![of(None)] } else { route.methods.iter().map(|m| of(Some(*m))).collect() };
    // the Gateway API replaces a prefix only in rules of one match
    let alone = matches!(&route.action, Action::Forward { rewrite: Some(rewrite), .. } if rewrite.prefix.is_some());
    if alone { matches.into_iter().map(|one| Rule { route, matches: vec![one] }).collect() } else { vec![Rule { route, matches }] }
}
