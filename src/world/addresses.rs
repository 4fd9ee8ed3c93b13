//! Addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpSocket;

/// Addresses for examples, which nobody has (RFC 5737, RFC 3849).
const NOBODYS: (Ipv4Addr, Ipv6Addr) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Whether an interface of this machine has the address. The system is asked by taking a port there, which it gives for its own addresses
/// alone; nothing listens on it and nothing is sent.
#[must_use]
pub fn is_own(address: IpAddr) -> bool {
    let nobodys = match address {
        IpAddr::V4(_) => IpAddr::from(NOBODYS.0),
        IpAddr::V6(_) => IpAddr::from(NOBODYS.1),
    };
    // where programs may take any address (`net.ipv4.ip_nonlocal_bind`), the answer says nothing
    can_be_taken(address) && !can_be_taken(nobodys)
}

fn can_be_taken(address: IpAddr) -> bool {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    socket.and_then(|socket| socket.bind(SocketAddr::new(address, 0))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_ours_and_an_address_for_examples_is_not() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        for foreign in ["192.0.2.7", "203.0.113.7", "2001:db8::7"] {
            assert!(!is_own(foreign.parse().unwrap()), "{foreign}");
        }
    }
}
