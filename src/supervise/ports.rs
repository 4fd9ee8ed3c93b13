//! Loopback ports for processes.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{Ipv4Addr, TcpListener};

/// Ports are taken from here: below those that systems give to connections going out, so that none of these stands in a process's
/// way when it is started again.
const FIRST: u16 = 20000;
const COUNT: u16 = 12000;

/// A port of 127.0.0.1 that nobody has. The same place gets the same one where it can, so that it stays over restarts of all.
pub(super) fn choose(place: &str, taken: &BTreeSet<u16>) -> Option<u16> {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    let start = u16::try_from(hasher.finish() % u64::from(COUNT)).unwrap_or(0);
    (0..COUNT).map(|step| FIRST + (start + step) % COUNT).find(|port| !taken.contains(port) && is_free(*port))
}

/// Whether 127.0.0.1 takes a listener there.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether this machine has `::1`.
pub(super) fn has_ipv6() -> bool {
    TcpListener::bind((std::net::Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_port_and_gets_another_when_that_is_taken() {
        let first = choose("a test of ports/0", &BTreeSet::new()).unwrap();
        assert_eq!(choose("a test of ports/0", &BTreeSet::new()), Some(first));
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let second = choose("a test of ports/0", &BTreeSet::new()).unwrap();
        assert_ne!(second, first);
        assert!(![first, second].contains(&choose("a test of ports/0", &BTreeSet::from([second])).unwrap()));
    }
}
