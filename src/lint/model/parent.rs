//! Routes and the listeners that they hang on.

use std::collections::HashMap;

use super::{Answer, ENVOY_CONTROLLER, GATEWAY_API, Labels, Name, ROUTES, Reference, home, intersection, selects};
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};

/// A listener of a Gateway or of a `ListenerSet`.
#[derive(Clone, Debug)]
pub struct Listener<'a> {
    /// Where it is written; `place.entry` is the Gateway or `ListenerSet`.
    pub place: Place<'a>,
    /// Its name, empty where none is written.
    pub name: &'a str,
    /// Its port.
    pub port: Option<i64>,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or what another controller knows.
    pub protocol: &'a str,
    /// Its hostname; none for any.
    pub hostname: Option<&'a str>,
}

impl<'a> Listener<'a> {
    fn read(place: Place<'a>) -> Self {
        Self {
            name: place.text_of("name").unwrap_or_default(),
            port: place.get("port").and_then(|port| port.number()),
            protocol: place.text_of("protocol").unwrap_or_default(),
            hostname: place.text_of("hostname").filter(|host| !host.is_empty()),
            place,
        }
    }

    /// Whether it ends TLS itself.
    #[must_use]
    pub fn terminates(&self) -> bool {
        matches!(self.protocol, "HTTPS" | "TLS")
            && self.place.at("/tls/mode").and_then(|mode| mode.text()).is_none_or(|mode| mode == "Terminate")
    }

    /// Whether it takes routes of that kind from that route's namespace.
    #[must_use]
    pub fn allows(&self, set: &Set, route: &Entry, namespace_written: bool) -> Answer {
        self.allows_kind(&route.id.kind).and(self.allows_namespace(set, route, namespace_written))
    }

    /// Whether it takes routes of that kind.
    #[must_use]
    pub fn allows_kind(&self, kind: &str) -> Answer {
        let named: Vec<_> = self.place.at("/allowedRoutes/kinds").into_iter().flat_map(|list| list.items()).collect();
        if !named.is_empty() {
            return Answer::of(
                named.iter().any(|one| one.text_of("kind") == Some(kind) && one.text_of("group").is_none_or(|group| group == GATEWAY_API)),
            );
        }
        match self.protocol {
            "HTTP" | "HTTPS" => Answer::of(matches!(kind, "HTTPRoute" | "GRPCRoute")),
            "TLS" if !self.terminates() => Answer::of(kind == "TLSRoute"),
            "TLS" => Answer::of(matches!(kind, "TLSRoute" | "TCPRoute")),
            "TCP" => Answer::of(kind == "TCPRoute"),
            "UDP" => Answer::of(kind == "UDPRoute"),
            _ => Answer::Unknown,
        }
    }

    /// Whether it takes routes of the namespace of a route, whose reference names the namespace of the listener or not.
    #[must_use]
    pub fn allows_namespace(&self, set: &Set, route: &Entry, namespace_written: bool) -> Answer {
        let namespaces = self.place.at("/allowedRoutes/namespaces");
        match namespaces.as_ref().and_then(|place| place.text_of("from")).unwrap_or("Same") {
            "All" => Answer::Yes,
            "Same" if !namespace_written => Answer::Yes,
            "Same" => match (home(set, self.place.entry), home(set, route)) {
                (Some(own), Some(other)) => Answer::of(own == other),
                _ => Answer::Unknown,
            },
            "None" => Answer::No,
            "Selector" => {
                let Some(selector) = namespaces.and_then(|place| place.get("selector")) else { return Answer::Unknown };
                let Some(namespace) = home(set, route) else { return Answer::Unknown };
                // the API server gives each namespace its name as a label
                let named = ("kubernetes.io/metadata.name", namespace);
                let labels = match set.get("", "Namespace", "", namespace) {
                    Some(entry) => Labels::all(entry.at("/metadata/labels").map(|labels| labels.node)).with(named.0, named.1),
                    None => Labels::at_least(named.0, named.1),
                };
                selects(&selector, &labels)
            }
            _ => Answer::Unknown,
        }
    }
}

/// The listeners of a Gateway or a `ListenerSet`.
pub fn listeners(entry: &Entry) -> impl Iterator<Item = Listener<'_>> {
    entry.items("/spec/listeners").map(Listener::read)
}

/// One entry of `parentRefs`.
#[derive(Clone, Debug)]
pub struct Parent<'a> {
    /// What it refers to; a Gateway unless it says otherwise.
    pub reference: Reference<'a>,
    /// Whether that is there.
    pub look: Look<'a>,
    /// The listeners that it names by section and port, where the set shows its Gateway, and whether each takes the route.
    pub listeners: Vec<(Listener<'a>, Answer)>,
}

impl<'a> Parent<'a> {
    /// The Gateway or `ListenerSet`, where the set shows it.
    #[must_use]
    pub const fn entry(&self) -> Option<&'a Entry> {
        if let Look::Here(entry) = self.look { Some(entry) } else { None }
    }

    /// The listeners that take the route, as far as is known, with the hostnames that they share with it.
    pub fn attached(&self, route: &'a Entry) -> impl Iterator<Item = (&Listener<'a>, Vec<&'a str>)> {
        let hosts: Vec<&str> = route.items("/spec/hostnames").filter_map(|host| host.text()).collect();
        self.listeners.iter().filter(|(_, allows)| *allows != Answer::No).filter_map(move |(listener, _)| {
            let common = intersection(listener.hostname, &hosts);
            (!common.is_empty()).then_some((listener, common))
        })
    }
}

/// The parents of a route.
#[must_use]
pub fn parents<'a>(set: &'a Set, route: &'a Entry) -> Vec<Parent<'a>> {
    let parent = |place: Place<'a>| {
        let reference = Reference::read(place, GATEWAY_API, "Gateway")?;
        let holds = reference.group == GATEWAY_API && matches!(reference.kind, "Gateway" | "ListenerSet");
        let look = if holds { nearby(set, route, reference.look(set)) } else { Look::Unknown(None) };
        let written = reference.place.get("namespace").is_some();
        let listeners = if let Look::Here(entry) = look {
            let named = listeners(entry).filter(|listener| {
                reference.section.is_none_or(|section| section == listener.name)
                    && reference.port.is_none_or(|port| listener.port == Some(port))
            });
            named.map(|listener| (listener.clone(), listener.allows(set, route, written))).collect()
        } else {
            Vec::new()
        };
        Some(Parent { reference, look, listeners })
    };
    route.items("/spec/parentRefs").filter_map(parent).collect()
}

/// Where an object is given several times, as examples in files of their own do, the one in the file of the route is meant; which of
/// several other files is meant is unknown.
fn nearby<'a>(set: &'a Set, route: &Entry, look: Look<'a>) -> Look<'a> {
    let Look::Here(first) = look else { return look };
    let same = |entry: &&'a Entry| entry.id.name == first.id.name && entry.namespace() == first.namespace();
    let all: Vec<_> = set.of(first.id.group(), &first.id.kind).filter(same).collect();
    let source = route.node.pos.source;
    match all.iter().find(|entry| entry.node.pos.source == source) {
        Some(entry) => Look::Here(entry),
        None if all.len() > 1 => Look::Unknown(None),
        None => look,
    }
}

/// A route and its parents.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    /// The route.
    pub entry: &'a Entry,
    /// Its parents.
    pub parents: Vec<Parent<'a>>,
}

/// Every route of a set with its parents, and every Gateway with its routes: made once by a rule that needs it.
#[derive(Debug)]
pub struct Topology<'a> {
    /// The routes, kind by kind.
    pub routes: Vec<Route<'a>>,
    by_owner: HashMap<Name<'a>, Vec<(usize, usize)>>,
}

impl<'a> Topology<'a> {
    /// Looks at all routes of a set.
    #[must_use]
    pub fn of(set: &'a Set) -> Self {
        let entries = ROUTES.into_iter().flat_map(|kind| set.of(GATEWAY_API, kind));
        let routes: Vec<_> = entries.map(|entry| Route { entry, parents: parents(set, entry) }).collect();
        let mut by_owner: HashMap<_, Vec<_>> = HashMap::new();
        for (number, route) in routes.iter().enumerate() {
            for (which, parent) in route.parents.iter().enumerate() {
                let to = &parent.reference;
                by_owner.entry((to.kind, to.namespace, to.name)).or_default().push((number, which));
            }
        }
        Self { routes, by_owner }
    }

    /// The routes that name a Gateway (or a `ListenerSet`), with the parent reference that does.
    pub fn routes_of(&self, gateway: &'a Entry) -> impl Iterator<Item = (&Route<'a>, &Parent<'a>)> {
        let found = self.by_owner.get(&(gateway.id.kind.as_str(), gateway.namespace(), gateway.id.name.as_str()));
        found.into_iter().flatten().map(|(number, which)| (&self.routes[*number], &self.routes[*number].parents[*which]))
    }
}

/// The class of a Gateway.
#[must_use]
pub fn class<'a>(set: &'a Set, gateway: &Entry) -> Look<'a> {
    gateway.text("/spec/gatewayClassName").map_or(Look::Unknown(None), |name| set.look(GATEWAY_API, "GatewayClass", "", name))
}

/// Whether Envoy Gateway is the controller of a Gateway.
#[must_use]
pub fn is_envoy_gateway(set: &Set, gateway: &Entry) -> Answer {
    match class(set, gateway) {
        Look::Here(class) => class.text("/spec/controllerName").map_or(Answer::Unknown, |name| Answer::of(name == ENVOY_CONTROLLER)),
        _ => Answer::Unknown,
    }
}
