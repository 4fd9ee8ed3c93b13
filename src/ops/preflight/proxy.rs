//! Proxies of the environment: who would be sent astray by them.

use std::collections::BTreeMap;

use super::item::{Item, Subject};

/// The variables that name proxies, and those that except hosts from them; programs read either spelling.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// What must go without a proxy. kind adds the ranges of the cluster's pods and services for its node by itself.
const DIRECT: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Whether requests for this machine's own ports are excepted, and whether the node can use the proxy at all.
pub(super) fn proxy(variables: &BTreeMap<String, String>) -> Item {
    let subject = Subject::Proxy;
    let set: Vec<(&str, &str)> = PROXIES.iter().filter_map(|name| Some((*name, variables.get(*name)?.as_str()))).collect();
    let Some((first, address)) = set.first() else { return Item::ok(subject, "none is set") };
    if let Some((name, address)) = set.iter().find(|(_, address)| is_here(host_of(address))) {
        return Item::warning(subject, format!("{name} names this machine itself ({})", host_of(address)))
            .why("in the cluster's node that address is the node; images that the stack does not name could not be pulled there")
            .hint("Let the proxy listen on an address that containers reach, and name that one, or list every image in the stack file.");
    }
    let except = EXCEPTIONS.iter().find_map(|name| variables.get(*name)).map(String::as_str).unwrap_or_default();
    let missing: Vec<&str> = DIRECT.into_iter().filter(|host| !is_excepted(host, except)).collect();
    // most programs look at the name before they look it up, and ::1 is seldom written
    if missing.iter().all(|host| *host == "::1") {
        return Item::ok(subject, format!("{first} is {}, and localhost is excepted", host_of(address)));
    }
    let line: Vec<&str> = except.split(',').map(str::trim).filter(|entry| !entry.is_empty()).chain(missing.iter().copied()).collect();
    Item::warning(subject, format!("{first} is set ({}), and NO_PROXY leaves out {}", host_of(address), missing.join(", ")))
        .why("curl, wget and Python would ask the proxy for http://localhost; tstack, kind and helm reach this machine directly")
        .hint(format!("Set `export NO_PROXY={0} no_proxy={0}`.", line.join(",")))
}

/// Whether a list of exceptions holds a host: itself, `*`, or the range of all loopback addresses.
fn is_excepted(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        bare == "*" || bare.eq_ignore_ascii_case(host) || (host == "127.0.0.1" && ["127.0.0.0/8", "127."].contains(&bare))
    })
}

/// Host and port of a proxy's address, without user and password.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

fn is_here(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here))
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    fn seen(variables: &[(&str, &str)]) -> Item {
        proxy(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn without_a_proxy_or_with_localhost_excepted_all_is_well() {
        for variables in [
            &[][..],
            &[("NO_PROXY", "x")],
            &[("HTTPS_PROXY", "http://proxy.example.com:3128"), ("NO_PROXY", "*")],
            &[("https_proxy", "proxy.example.com:3128"), ("no_proxy", "example.com, localhost, 127.0.0.0/8")],
        ] {
            assert_eq!(seen(variables).state, State::Ok, "{variables:?}");
        }
    }

    #[test]
    fn what_is_left_out_is_named_with_the_line_to_set_and_without_the_password() {
        let item = seen(&[("HTTP_PROXY", "http://user:geheim@proxy.example.com:3128/x"), ("NO_PROXY", "example.com,localhost")]);
        assert_eq!(item.what, "HTTP_PROXY is set (proxy.example.com:3128), and NO_PROXY leaves out 127.0.0.1, ::1");
        let list = "example.com,localhost,127.0.0.1,::1";
        assert_eq!(item.hints, [format!("Set `export NO_PROXY={list} no_proxy={list}`.")]);
        assert!(!format!("{item:?}").contains("geheim"), "{item:?}");
    }

    #[test]
    fn a_proxy_on_this_machine_is_none_in_the_node() {
        let item = seen(&[("https_proxy", "http://127.0.0.1:3128"), ("no_proxy", "*")]);
        assert_eq!((item.state, item.what.as_str()), (State::Warning, "https_proxy names this machine itself (127.0.0.1:3128)"));
    }
}
