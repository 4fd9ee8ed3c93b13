//! Certificates for servers.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use x509_parser::extensions::GeneralName;

use super::authority::{days_between, der, in_time, parse, validity};
use super::{Authority, CLOCK_SKEW, DAY, Secret, Unusable, moment};
use crate::failure::Failure;
use crate::stack::CertificateFile;

/// How many days a leaf is valid; browsers refuse more than 398 (CA/Browser Forum baseline requirements 6.3.2).
pub const LEAF_DAYS: u32 = 365;

/// A server's certificate and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate in PEM.
    pub cert_pem: String,
    /// Its private key in PEM, PKCS#8.
    pub key: Secret,
}

impl Authority {
    /// Signs a server certificate with the names that are wanted, valid for [`LEAF_DAYS`] days, but never longer than the authority itself.
    ///
    /// # Errors
    /// A usage failure when a name cannot be in a certificate or an address is none; a preflight failure when the authority cannot sign at that
    /// time.
    pub fn issue(&self, wanted: &CertificateFile, now: Timestamp) -> Result<Leaf, Failure> {
        let what = what(&wanted.namespace, &wanted.secret);
        let names = names(&wanted.dns_names, &wanted.ip_addresses).map_err(|why| Failure::usage(what.as_str()).why(why))?;
        let usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(Form { what, common_name: &wanted.common_name, names, usages, days: LEAF_DAYS }, now)
    }

    /// Signs a leaf with a new key.
    pub(super) fn sign(&self, form: Form<'_>, now: Timestamp) -> Result<Leaf, Failure> {
        let what = form.what.as_str();
        let until = self
            .usable(now)
            .and_then(|()| self.not_after())
            .map_err(|e| Failure::preflight(what).because(&e).why(format!("the authority has the fingerprint {}", self.fingerprint())))?;
        let fail = |e: rcgen::Error| Failure::usage(what).because(&e);

        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, form.common_name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = form.usages;
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = form.names;
        params.not_before = moment!(now) - CLOCK_SKEW;
        let last = moment!(now) + Duration::from_secs(u64::from(form.days) * DAY);
        params.not_after = last.min(moment!(until) + Duration::ZERO);
        let key = KeyPair::generate().map_err(fail)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(fail)?;
        Ok(Leaf { cert_pem: certificate.pem(), key: Secret::new(key.serialize_pem()) })
    }
}

/// What a leaf is to say.
pub(super) struct Form<'a> {
    /// How a failure begins.
    pub(super) what: String,
    pub(super) common_name: &'a str,
    pub(super) names: Vec<SanType>,
    pub(super) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(super) days: u32,
}

/// How a failure to issue begins.
pub(super) fn what(namespace: &str, secret: &str) -> String {
    format!("cannot issue the certificate {namespace}/{secret}")
}

/// The subject alternative names.
pub(super) fn names(dns_names: &[String], ip_addresses: &[String]) -> Result<Vec<SanType>, String> {
    let dns = dns_names.iter().map(|name| {
        let name = name.as_str();
        let bad = || format!("`{name}` is not a DNS name");
        // rcgen takes any ASCII; clients do not
        let label = |l: &str| l == "*" || (!l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        if !name.split('.').all(label) {
            return Err(bad());
        }
        name.try_into().map(SanType::DnsName).map_err(|_| bad())
    });
    let ips = ip_addresses
        .iter()
        .map(|address| address.parse::<IpAddr>().map(SanType::IpAddress).map_err(|_| format!("`{address}` is not an IP address")));
    dns.chain(ips).collect()
}

/// Whether a certificate that is already there can stay: signed by this authority, for the names that are wanted, and with more than a third of
/// its life before it, which is also when cert-manager renews one.
///
/// # Errors
/// Why it must be replaced.
pub fn still_good(cert_pem: &str, wanted: &CertificateFile, authority: &Authority, now: Timestamp) -> Result<(), Unusable> {
    let der = der(cert_pem).map_err(Unusable::Unreadable)?;
    let leaf = parse(&der)?;
    in_time(&leaf, now)?;
    let (from, until) = validity(&leaf)?;
    // an authority near its own end cannot give more than it has
    if until.duration_since(now) < until.duration_since(from) / 3 && until < authority.not_after()? {
        return Err(Unusable::Ending { days: days_between(now, until), until });
    }
    authority.with_certificate(|ca| leaf.verify_signature(Some(ca.public_key())).map_err(|_| Unusable::OtherAuthority))?;

    let subject = leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    if subject != Some(wanted.common_name.as_str()) {
        return Err(Unusable::OtherNames(wanted.common_name.clone()));
    }
    let alternatives = leaf.subject_alternative_name().ok().flatten().map(|san| san.value.general_names.clone()).unwrap_or_default();
    let missing = wanted.dns_names.iter().find(|name| !alternatives.contains(&GeneralName::DNSName(name)));
    if let Some(name) = missing {
        return Err(Unusable::OtherNames(name.clone()));
    }
    for address in &wanted.ip_addresses {
        let bytes = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Ok(IpAddr::V6(ip)) => ip.octets().to_vec(),
            Err(_) => Vec::new(),
        };
        if !alternatives.contains(&GeneralName::IPAddress(&bytes)) {
            return Err(Unusable::OtherNames(address.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;
    use crate::stack::CertificateIssuer;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn wanted() -> CertificateFile {
        CertificateFile {
            namespace: "task-api".into(),
            secret: "task-api-tls".into(),
            common_name: "localhost".into(),
            dns_names: vec!["localhost".into(), "*.task.localhost".into()],
            ip_addresses: vec!["127.0.0.1".into(), "::1".into()],
            issuer: CertificateIssuer::Tstack,
        }
    }

    fn authority(days: u32) -> Authority {
        Authority::generate("tstack local CA", at(NOW), days).unwrap()
    }

    /// What a browser or curl does.
    fn verify(leaf: &Leaf, ca: &Authority, name: &str, now: &str) -> Result<(), String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.cert_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let end = CertificateDer::from_pem_slice(leaf.cert_pem.as_bytes()).unwrap();
        let seconds = u64::try_from(at(now).as_second()).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&end, &[], &name, &[], time).map(|_| ()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_leaf_verifies_for_every_name_that_was_wanted_and_for_no_other() {
        let ca = authority(3650);
        let leaf = ca.issue(&wanted(), at(NOW)).unwrap();
        for name in ["localhost", "a.task.localhost", "127.0.0.1", "::1"] {
            assert_eq!(verify(&leaf, &ca, name, NOW), Ok(()), "{name}");
        }
        for name in ["example.com", "127.0.0.2", "a.b.task.localhost"] {
            assert!(verify(&leaf, &ca, name, NOW).is_err(), "{name}");
        }
        assert!(verify(&leaf, &authority(3650), "localhost", NOW).is_err());
    }

    #[test]
    fn a_leaf_ends_after_a_year_or_with_its_authority() {
        let until = |ca: &Authority| {
            let leaf = ca.issue(&wanted(), at(NOW)).unwrap();
            let der = der(&leaf.cert_pem).unwrap();
            validity(&parse(&der).unwrap()).unwrap()
        };
        assert_eq!(until(&authority(3650)), (at("2025-12-31T00:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert_eq!(until(&authority(20)).1, at("2026-01-21T00:00:00Z"));
    }

    #[test]
    fn an_authority_that_came_back_from_its_files_signs_like_before() {
        let ca = authority(3650);
        let again = Authority::from_pem(ca.cert_pem(), ca.key_pem().clone()).unwrap();
        let leaf = again.issue(&wanted(), at(NOW)).unwrap();
        assert_eq!(verify(&leaf, &ca, "localhost", NOW), Ok(()));
    }

    #[test]
    fn an_expired_authority_signs_nothing_and_says_why() {
        let failure = authority(1).issue(&wanted(), at("2026-02-01T00:00:00Z")).unwrap_err();
        assert_eq!(failure.what, "cannot issue the certificate task-api/task-api-tls");
        assert_eq!(failure.why[0], "it expired on 2026-01-02T00:00:00Z");
    }

    #[test]
    fn names_that_no_client_accepts_are_refused() {
        for (dns, ip, why) in [
            ("local host", "::1", "`local host` is not a DNS name"),
            ("a..b", "::1", "`a..b` is not a DNS name"),
            ("a", "127.0.0", "`127.0.0` is not an IP address"),
        ] {
            let bad = CertificateFile { dns_names: vec![dns.into()], ip_addresses: vec![ip.into()], ..wanted() };
            assert_eq!(authority(30).issue(&bad, at(NOW)).unwrap_err().why, [why]);
        }
    }

    #[test]
    fn a_leaf_stays_until_names_authority_or_time_change() {
        let ca = authority(3650);
        let leaf = ca.issue(&wanted(), at(NOW)).unwrap();
        let check = |wanted: &CertificateFile, ca: &Authority, now: &str| still_good(&leaf.cert_pem, wanted, ca, at(now));
        assert_eq!(check(&wanted(), &ca, "2026-06-01T00:00:00Z"), Ok(()));
        assert_eq!(check(&wanted(), &ca, "2026-08-31T00:00:00Z"), Ok(()), "a third of its 366 days is left");
        let last = check(&wanted(), &ca, "2026-09-01T00:00:01Z").unwrap_err();
        assert_eq!(last.to_string(), "it expires in 121 days, on 2027-01-01T00:00:00Z");
        assert_eq!(check(&wanted(), &ca, "2027-01-02T00:00:00Z"), Err(Unusable::Expired(at("2027-01-01T00:00:00Z"))));
        assert_eq!(check(&wanted(), &authority(3650), NOW), Err(Unusable::OtherAuthority));
        let more = CertificateFile { ip_addresses: vec!["10.0.0.1".into()], ..wanted() };
        assert_eq!(check(&more, &ca, NOW), Err(Unusable::OtherNames("10.0.0.1".into())));
        let more = CertificateFile { dns_names: vec!["api.localhost".into()], ..wanted() };
        assert_eq!(check(&more, &ca, NOW).unwrap_err().to_string(), "it is not for api.localhost");
    }

    #[test]
    fn a_leaf_of_a_short_lived_authority_is_not_replaced_again_and_again() {
        let ca = authority(10);
        let leaf = ca.issue(&wanted(), at(NOW)).unwrap();
        assert_eq!(still_good(&leaf.cert_pem, &wanted(), &ca, at(NOW)), Ok(()));
    }

    #[test]
    fn the_key_of_a_leaf_is_never_in_debug_output() {
        let leaf = authority(30).issue(&wanted(), at(NOW)).unwrap();
        assert!(!format!("{leaf:?}").contains("PRIVATE"));
    }
}
