//! What an authority may sign for: this machine's own names, and those of the stack that it was made for. A key that is stolen, or a CA that
//! stays trusted, is then of no use against any other name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::extensions::GeneralName;

use super::{Authority, Unusable};
use crate::stack::CertificateFile;

/// The constraints of an authority that signs for this machine and for these DNS names and addresses; with a name come all names below it.
pub(super) fn constraints(names: &[String]) -> NameConstraints {
    let own = [
        GeneralSubtree::DnsName("localhost".into()),
        GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(Ipv4Addr::new(127, 0, 0, 0).octets(), 8)),
        GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(Ipv6Addr::LOCALHOST.octets(), 128)),
    ];
    let more = names.iter().filter(|name| !is_own(name)).map(|name| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(address.octets(), 32)),
        Ok(IpAddr::V6(address)) => GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(address.octets(), 128)),
        Err(_) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
    });
    NameConstraints { permitted_subtrees: own.into_iter().chain(more).collect(), excluded_subtrees: Vec::new() }
}

fn is_own(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => within(name, "localhost"),
    }
}

/// Whether a DNS name is another or one below it.
fn within(name: &str, other: &str) -> bool {
    name == other || name.strip_suffix(other).is_some_and(|head| head.ends_with('.'))
}

impl Authority {
    /// Whether it may sign a certificate: one that was made before authorities were bounded may sign any.
    ///
    /// # Errors
    /// The first name for which it may not.
    pub fn may_sign(&self, wanted: &CertificateFile) -> Result<(), Unusable> {
        self.with_certificate(|certificate| {
            let bounds = certificate.name_constraints().ok().flatten().and_then(|bounds| bounds.value.permitted_subtrees.as_ref());
            let Some(bounds) = bounds else { return Ok(()) };
            let dns = |name: &str| bounds.iter().any(|tree| matches!(tree.base, GeneralName::DNSName(other) if within(name, other)));
            let ip = |address: IpAddr| bounds.iter().any(|tree| matches!(tree.base, GeneralName::IPAddress(net) if contains(net, address)));
            let names = wanted.dns_names.iter().find(|name| !dns(name.trim_start_matches("*.")));
            let addresses = wanted.ip_addresses.iter().find(|text| text.parse().is_ok_and(|address| !ip(address)));
            names.or(addresses).map_or(Ok(()), |name| Err(Unusable::OutOfBounds(name.clone())))
        })
    }

    /// What it may sign for, as people read it; empty where that is anything.
    #[must_use]
    pub fn bounds(&self) -> Vec<String> {
        let shown = |tree: &GeneralName<'_>| match tree {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(net) => {
                let (address, mask) = net.split_at(net.len() / 2);
                let prefix: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
                let address = match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
                    (Ok(four), _) => IpAddr::from(four),
                    (_, Ok(sixteen)) => IpAddr::from(sixteen),
                    _ => return None,
                };
                let whole = mask.iter().all(|byte| *byte == u8::MAX);
                Some(if whole { address.to_string() } else { format!("{address}/{prefix}") })
            }
            _ => None,
        };
        let all = self.with_certificate(|certificate| {
            let bounds = certificate.name_constraints().ok().flatten().and_then(|bounds| bounds.value.permitted_subtrees.as_ref());
            Ok(bounds.into_iter().flatten().filter_map(|tree| shown(&tree.base)).collect())
        });
        all.unwrap_or_default()
    }
}

/// Whether an address is in a network, as a certificate writes one: its bytes, and those of its mask.
fn contains(net: &[u8], address: IpAddr) -> bool {
    let bytes = match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    };
    let (base, mask) = net.split_at(net.len() / 2);
    base.len() == bytes.len() && base.iter().zip(mask).zip(&bytes).all(|((base, mask), byte)| base & mask == byte & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::CertificateIssuer;

    fn wanted(dns: &[&str], ips: &[&str]) -> CertificateFile {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CertificateFile {
            namespace: "n".into(),
            secret: "s".into(),
            common_name: "localhost".into(),
            dns_names: list(dns),
            ip_addresses: list(ips),
            issuer: CertificateIssuer::Tstack,
        }
    }

    #[test]
    fn an_authority_signs_for_this_machine_and_its_stack_and_for_nobody_else() {
        let names = ["*.shop.test", "10.1.2.3", "api.localhost"].map(str::to_owned);
        let ca = Authority::generate_for("ca", &names, "2026-01-01T00:00:00Z".parse().unwrap(), 30).unwrap();
        assert_eq!(ca.bounds(), ["localhost", "127.0.0.0/8", "::1", "shop.test", "10.1.2.3"]);
        for good in [
            wanted(&["localhost", "api.localhost", "*.task.localhost"], &["127.0.0.1", "127.9.9.9", "::1"]),
            wanted(&["shop.test", "*.shop.test", "a.b.shop.test"], &["10.1.2.3"]),
        ] {
            assert_eq!(ca.may_sign(&good), Ok(()));
        }
        for (bad, name) in [
            (wanted(&["localhost", "bank.example"], &[]), "bank.example"),
            (wanted(&["notlocalhost"], &[]), "notlocalhost"),
            (wanted(&["localhost.example"], &[]), "localhost.example"),
            (wanted(&["xshop.test"], &[]), "xshop.test"),
            (wanted(&[], &["10.1.2.4"]), "10.1.2.4"),
            (wanted(&[], &["::2"]), "::2"),
        ] {
            assert_eq!(ca.may_sign(&bad), Err(Unusable::OutOfBounds(name.into())), "{name}");
        }
    }
}
