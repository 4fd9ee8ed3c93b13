//! Requests in documents. The same mistake is told once a document.

use std::collections::HashSet;

use crate::lint::command::Command;
use crate::lint::entry::Entry;
use crate::lint::model;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The words of each curl in a command, without what comes before it.
fn curls(command: &Command) -> impl Iterator<Item = Vec<&str>> {
    let words: Vec<&str> = command.text.split_whitespace().collect();
    let at: Vec<usize> =
        words.iter().enumerate().filter(|(_, word)| word.trim_start_matches(['$', '(', '`']) == "curl").map(|(at, _)| at).collect();
    at.into_iter()
        .map(move |at| words[at + 1..].iter().take_while(|word| !["|", ";", "&&", "done", "||"].contains(word)).copied().collect())
}

/// Letters of curl whose value follows, at once or as the next word.
const WITH_VALUE: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";

fn is_insecure(word: &str) -> bool {
    if word == "--insecure" {
        return true;
    }
    let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.starts_with('-')) else { return false };
    letters.chars().take_while(|letter| !WITH_VALUE.contains(*letter)).any(|letter| letter == 'k')
}

/// Any certificate will do, the wrong one too.
pub(super) fn insecure(set: &Set, sink: &mut Sink) {
    for command in set.commands() {
        if curls(command).any(|words| words.iter().any(|word| is_insecure(word))) {
            sink.command(
                command,
                "with -k curl takes any certificate, so this says nothing about TLS: an expired one, or one for another name, passes too",
                "Write --cacert with the authority's certificate.",
            );
        }
    }
}

/// A request of this machine: port, if one is written, and path.
struct Local<'a> {
    port: Option<i64>,
    path: &'a str,
}

fn local<'a>(words: &[&'a str]) -> Option<Local<'a>> {
    let url = words
        .iter()
        .map(|word| word.trim_matches(['"', '\'', ')', '`']))
        .find(|word| word.contains("://") || word.starts_with("localhost"))?;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, port.parse().ok()));
    let path = path.split(['?', '#']).next().unwrap_or(path);
    (["localhost", "127.0.0.1"].contains(&host) && !path.contains('$')).then_some(Local { port, path })
}

/// What a command leads past the gateway with, so that its ports and paths say nothing.
fn forwards(set: &Set) -> bool {
    set.commands().iter().any(|command| command.text.contains("port-forward"))
}

/// The gateway answers 404.
pub(super) fn no_route(set: &Set, sink: &mut Sink) {
    let routes: Vec<&Entry> = ["HTTPRoute", "GRPCRoute"].into_iter().flat_map(|kind| set.of(model::GATEWAY_API, kind)).collect();
    if routes.is_empty() || routes.iter().any(|route| route.id.kind == "GRPCRoute") || forwards(set) {
        return;
    }
    let mut told = HashSet::new();
    for command in set.commands() {
        for path in curls(command).filter_map(|words| local(&words)).map(|local| local.path) {
            if !told.insert((command.pos.source, path)) || routes.iter().any(|route| may_match(route, path)) {
                continue;
            }
            sink.command(
                command,
                format!("no route matches {path}, so the gateway answers 404"),
                format!("Ask for a path that a route has, such as {}, or add a route for {path}.", example(&routes)),
            );
        }
    }
}

fn paths(route: &Entry) -> impl Iterator<Item = Option<Place<'_>>> {
    route.items("/spec/rules").flat_map(|rule| {
        let matches: Vec<_> = rule.get("matches").into_iter().flat_map(|matches| matches.items()).map(|one| one.get("path")).collect();
        // a rule without matches takes every path
        if matches.is_empty() { vec![None] } else { matches }
    })
}

fn may_match(route: &Entry, path: &str) -> bool {
    paths(route).any(|one| {
        let Some(one) = one else { return true };
        let value = one.text_of("value").unwrap_or("/");
        match one.text_of("type").unwrap_or("PathPrefix") {
            "Exact" => path == value,
            "PathPrefix" => {
                let prefix = value.trim_end_matches('/');
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            // a regular expression may match
            _ => true,
        }
    })
}

fn example<'a>(routes: &[&'a Entry]) -> &'a str {
    routes.iter().flat_map(|route| paths(route)).flatten().find_map(|path| path.text_of("value")).unwrap_or("/")
}

/// Nothing listens there.
pub(super) fn no_port(set: &Set, sink: &mut Sink) {
    let mut ports: Vec<i64> = set
        .of(model::GATEWAY_API, "Gateway")
        .flat_map(|gateway| gateway.items("/spec/listeners"))
        .filter_map(|one| one.get("port")?.number())
        .collect();
    let mapped =
        set.sources().iter().any(|source| ["extraPortMappings", "nodePort", "hostPort"].iter().any(|word| source.text.contains(word)));
    if ports.is_empty() || mapped || forwards(set) {
        return;
    }
    ports.sort_unstable();
    ports.dedup();
    let mut told = HashSet::new();
    for command in set.commands() {
        let asked = curls(command).filter_map(|words| local(&words)).find_map(|local| local.port.filter(|port| !ports.contains(port)));
        let Some(port) = asked.filter(|port| told.insert((command.pos.source, *port))) else { continue };
        let have = ports.iter().map(i64::to_string).collect::<Vec<_>>().join(" and ");
        sink.command(
            command,
            format!("the Gateway listens on {have}, and nothing here leads from port {port} of this machine to it"),
            "Map the port: an EnvoyProxy with a fixed nodePort and a mapping of the cluster's node, or kubectl port-forward.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_k_is_found_among_others_and_not_in_their_values() {
        assert!(["-k", "-sk", "-ksS", "--insecure", "-Lk"].iter().all(|word| is_insecure(word)));
        assert!(!["-okay", "-w", "--key", "-Hk", "link", "-s"].iter().any(|word| is_insecure(word)));
    }

    #[test]
    fn an_address_of_this_machine_is_taken_apart() {
        let read = |text: &'static str| local(&text.split(' ').collect::<Vec<_>>()).map(|local| (local.port, local.path));
        assert_eq!(read("-s \"http://localhost:8080/api/tasks?x=1\""), Some((Some(8080), "/api/tasks")));
        assert_eq!(read("https://127.0.0.1"), Some((None, "/")));
        assert_eq!(read("https://example.com/x"), None);
        assert_eq!(read("http://localhost/$PATH"), None);
    }
}
