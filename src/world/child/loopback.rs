//! The loopback interface of a new network namespace: there, but down.

use std::io;

/// Brings it up, as `ip link set lo up` does.
#[cfg(target_os = "linux")]
pub(super) fn up() -> io::Result<()> {
    use rustix::net::netlink::SocketAddrNetlink;
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

    let kernel = SocketAddrNetlink::new(0, 0);
    // the protocol 0 of this family is that of routes and interfaces
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    sendto(&socket, &request(), SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 512];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    match error_in(&answer[..length.min(answer.len())]) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::Error::other("the kernel gave no answer that can be read")),
    }
}

/// `RTM_NEWLINK` for interface 1, which the loopback of every network namespace is, with the flag `IFF_UP` (rtnetlink(7)).
fn request() -> Vec<u8> {
    const NEWLINK: u16 = 16;
    const REQUEST_AND_ACK: u16 = 1 | 4;
    const UP: u32 = 1;
    let mut text = Vec::with_capacity(32);
    // the header: length, type, flags, sequence, sender
    text.extend(32_u32.to_ne_bytes());
    text.extend(NEWLINK.to_ne_bytes());
    text.extend(REQUEST_AND_ACK.to_ne_bytes());
    text.extend(1_u32.to_ne_bytes());
    text.extend(0_u32.to_ne_bytes());
    // the interface: family, padding, kind, index, flags, which of them change
    text.extend([0, 0]);
    text.extend(0_u16.to_ne_bytes());
    text.extend(1_i32.to_ne_bytes());
    text.extend(UP.to_ne_bytes());
    text.extend(UP.to_ne_bytes());
    text
}

/// The error number of an answer of type `NLMSG_ERROR`; 0 is an acknowledgement.
fn error_in(answer: &[u8]) -> Option<i32> {
    const ERROR: u16 = 2;
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let number = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ERROR).then_some(number)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn up() -> io::Result<()> {
    Err(io::Error::other("only Linux has network namespaces"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        let text = request();
        assert_eq!(text.len(), 32);
        assert_eq!(text[..4], 32_u32.to_ne_bytes());
    }

    #[test]
    fn an_acknowledgement_is_the_error_nought() {
        let mut answer = vec![0_u8; 36];
        answer[4] = 2;
        assert_eq!(error_in(&answer), Some(0));
        answer[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(error_in(&answer), Some(-1));
        assert_eq!(error_in(&answer[..10]), None);
    }
}
