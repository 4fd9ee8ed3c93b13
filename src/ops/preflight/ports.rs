//! Ports of 127.0.0.1: free, and likely to stay so.

use super::item::{Item, Subject};
use crate::failure::Failure;
use crate::forward::Status;
use crate::world::engine::Container;
use crate::world::{machine, ports};

/// What is to be known of the ports that a plan takes. `ours` is our own forwarder, which gives its ports up when it is started anew.
///
/// # Errors
/// When the system does not let us ask.
pub(super) fn look(wanted: &[u16], containers: &[Container], ours: Option<&Status>) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    let ours = |port: u16| ours.is_some_and(|forwarder| forwarder.routes.iter().any(|route| route.route.host == port));
    let asked: Vec<u16> = wanted.iter().copied().filter(|port| !ours(*port)).collect();
    for port in &asked {
        if let Some(owner) = ports::who_listens(*port, containers)? {
            let item = Item::error(Subject::Ports, format!("port {port} is taken by {owner}")).hint(owner.hint(*port));
            items.push(item.hint("Take free ports with --port auto, or name one: a stack's ports are among its parameters, such as --set parameters.httpPort=8081.",));
        }
    }
    let outgoing = machine::outgoing_ports();
    items.extend(asked.iter().filter_map(|port| lent_out(*port, outgoing.as_ref())));
    if items.is_empty() && !asked.is_empty() {
        let words: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let (noun, verb) = if words.len() == 1 { ("port", "is") } else { ("ports", "are") };
        items.push(Item::ok(Subject::Ports, format!("{noun} {} {verb} free", words.join(", "))));
    }
    Ok(items)
}

/// A port that the kernel may give to somebody's outgoing connection at any time: it is free now, and perhaps not when it is needed again.
fn lent_out(port: u16, outgoing: Option<&machine::OutgoingPorts>) -> Option<Item> {
    let outgoing = outgoing.filter(|outgoing| outgoing.may_lend(port))?;
    let (first, last) = (outgoing.range.start(), outgoing.range.end());
    Some(
        Item::warning(
            Subject::Ports,
            format!("port {port} is one of those that the kernel lends to outgoing connections ({first} to {last})"),
        )
        .why("one of them may have it when the cluster starts again")
        .hint(format!(
            "Choose a port below {first}, or reserve it: `sudo sysctl net.ipv4.ip_local_reserved_ports={}`.",
            outgoing.reserved_with(port)
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    #[test]
    fn a_port_that_the_kernel_lends_out_is_told_unless_it_is_reserved() {
        let outgoing = machine::OutgoingPorts::read("32768\t60999\n", "40001,50000-50100\n").unwrap();
        assert_eq!(lent_out(8080, Some(&outgoing)), None);
        assert_eq!(lent_out(40_001, Some(&outgoing)), None);
        assert_eq!(lent_out(40_000, None), None);
        let item = lent_out(40_000, Some(&outgoing)).unwrap();
        assert_eq!(item.state, State::Warning);
        assert_eq!(item.what, "port 40000 is one of those that the kernel lends to outgoing connections (32768 to 60999)");
        let line = "Choose a port below 32768, or reserve it: `sudo sysctl net.ipv4.ip_local_reserved_ports=40001,50000-50100,40000`.";
        assert_eq!(item.hints, [line]);
    }
}
