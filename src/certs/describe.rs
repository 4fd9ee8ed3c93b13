//! What a certificate says, for people.

use std::net::IpAddr;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;

use super::authority::{der, hex, parse, validity};

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Whose it is: `CN=localhost`.
    pub subject: String,
    /// Its DNS names and addresses.
    pub names: Vec<String>,
    /// Its SHA-256 digest, 64 hexadecimal digits.
    pub fingerprint: String,
    /// From when it is valid.
    pub from: Timestamp,
    /// Until when it is valid.
    pub until: Timestamp,
}

/// What the first certificate of a PEM text says; `None` where there is none that can be read.
#[must_use]
pub fn described(pem: &str) -> Option<Described> {
    let der = der(pem).ok()?;
    let certificate = parse(&der).ok()?;
    let (from, until) = validity(&certificate).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten().map(|names| names.value.general_names.as_slice());
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(four), _) => Some(IpAddr::from(four).to_string()),
            (_, Ok(sixteen)) => Some(IpAddr::from(sixteen).to_string()),
            _ => None,
        },
        _ => None,
    };
    Some(Described {
        subject: certificate.subject().to_string(),
        names: names.into_iter().flatten().filter_map(shown).collect(),
        fingerprint: hex(&Sha256::digest(&der)),
        from,
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Authority;
    use super::*;
    use crate::stack::{CertificateFile, CertificateIssuer};

    #[test]
    fn a_certificate_tells_whose_it_is_and_for_how_long() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let ca = Authority::generate("tstack local CA (x)", now, 30).unwrap();
        let wanted = CertificateFile {
            namespace: "n".into(),
            secret: "s".into(),
            common_name: "localhost".into(),
            dns_names: vec!["localhost".into()],
            ip_addresses: vec!["127.0.0.1".into(), "::1".into()],
            issuer: CertificateIssuer::Tstack,
        };
        let leaf = described(&ca.issue(&wanted, now).unwrap().cert_pem).unwrap();
        assert_eq!((leaf.subject.as_str(), leaf.names), ("CN=localhost", vec!["localhost".into(), "127.0.0.1".into(), "::1".to_owned()]));
        assert_eq!((leaf.from.to_string().as_str(), leaf.until.to_string().as_str()), ("2025-12-31T00:00:00Z", "2026-01-31T00:00:00Z"));
        assert_eq!(described(ca.cert_pem()).unwrap().fingerprint, ca.fingerprint());
        assert_eq!(described("no certificate"), None);
    }
}
