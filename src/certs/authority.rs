//! The authority that signs.

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{CLOCK_SKEW, DAY, Secret, bounds, moment};
use crate::failure::Failure;

/// How long before its end an authority is said to end soon: long enough to tell everybody who trusts it.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its time is over.
    #[error("it expired on {0}")]
    Expired(Timestamp),
    /// Its time is nearly over: so near that it is replaced.
    #[error("it expires in {}, on {until}", in_days(*.days))]
    Ending {
        /// The whole days that are left.
        days: i64,
        /// When it ends.
        until: Timestamp,
    },
    /// Its time has not come, which is a wrong clock more often than a wrong certificate.
    #[error("it is valid only from {0} on; is the clock of this machine right?")]
    NotYetValid(Timestamp),
    /// It may not sign others: `basicConstraints` without `CA:TRUE`, or `keyUsage` without `keyCertSign`.
    #[error("it is not the certificate of an authority")]
    NotAnAuthority,
    /// It may not sign for that name.
    #[error("it may not sign for {0}: what it may sign for was settled when it was made")]
    OutOfBounds(String),
    /// It was signed by another authority than the one given.
    #[error("it was signed by another authority")]
    OtherAuthority,
    /// It lacks names that are wanted, or has another subject.
    #[error("it is not for {0}")]
    OtherNames(String),
    /// It is not a certificate.
    #[error("it cannot be read as a certificate: {0}")]
    Unreadable(String),
}

/// A local certificate authority: a certificate and the key that it belongs to.
pub struct Authority {
    cert_pem: String,
    cert_der: Vec<u8>,
    key_pem: Secret,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority with an ECDSA P-256 key of its own, valid for `valid_days` days from `now`. It may sign end certificates for this
    /// machine's own names, but no further authority (`pathLenConstraint` 0).
    ///
    /// # Errors
    /// An internal failure when the system gives no randomness or the name cannot be written in a certificate.
    pub fn generate(common_name: &str, now: Timestamp, valid_days: u32) -> Result<Self, Failure> {
        Self::generate_for(common_name, &[], now, valid_days)
    }

    /// As [`Authority::generate`], and it may sign for these DNS names and addresses too.
    ///
    /// # Errors
    /// As [`Authority::generate`].
    pub fn generate_for(common_name: &str, names: &[String], now: Timestamp, valid_days: u32) -> Result<Self, Failure> {
        let key = KeyPair::generate().map_err(|e| Failure::internal("cannot make a certificate authority").because(&e))?;
        let mut params = Self::params(common_name, now, valid_days);
        params.name_constraints = Some(bounds::constraints(names));
        Self::of(key, params)
    }

    /// What every authority is.
    pub(super) fn params(common_name: &str, now: Timestamp, valid_days: u32) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.distinguished_name.push(DnType::OrganizationName, "tstack");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = moment!(now) - CLOCK_SKEW;
        params.not_after = moment!(now) + std::time::Duration::from_secs(u64::from(valid_days) * DAY);
        params
    }

    /// An authority with that key.
    pub(super) fn of(key: KeyPair, params: CertificateParams) -> Result<Self, Failure> {
        let fail = |e: rcgen::Error| Failure::internal("cannot make a certificate authority").because(&e);
        // without a serial, rcgen takes 20 bytes of the digest of the public key, which is as random as the key
        let certificate = params.self_signed(&key).map_err(fail)?;
        let key_pem = Secret::new(key.serialize_pem());
        Ok(Self { cert_pem: certificate.pem(), cert_der: certificate.der().to_vec(), key_pem, issuer: Issuer::new(params, key) })
    }

    /// Takes up an authority that was made before. Whether its time is over is told by [`Authority::usable`], not here.
    ///
    /// # Errors
    /// When a text is not PEM of the right kind, or the key is not the one of the certificate. The key is never in the message.
    pub fn from_pem(cert_pem: &str, key_pem: Secret) -> Result<Self, Failure> {
        let what = "cannot use the certificate authority";
        let cert_der = der(cert_pem).map_err(|e| Failure::preflight(what).why(e))?;
        // the library's own message is left out: it might quote the text
        let key = KeyPair::from_pem(key_pem.reveal()).map_err(|_| Failure::preflight(what).why("the key is not a private key in PEM"))?;
        let certificate = parse(&cert_der).map_err(|e| Failure::preflight(what).because(&e))?;
        if certificate.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(Failure::preflight(what)
                .why("the private key belongs to another certificate")
                .hint("Remove both files, so that tstack makes a new authority."));
        }
        let issuer = Issuer::from_ca_cert_der(&cert_der.as_slice().into(), key).map_err(|e| Failure::preflight(what).because(&e))?;
        Ok(Self { cert_pem: cert_pem.to_owned(), cert_der, key_pem, issuer })
    }

    /// The certificate in PEM, the text that people add to their trust stores.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The private key in PEM (PKCS#8 where we made it).
    #[must_use]
    pub const fn key_pem(&self) -> &Secret {
        &self.key_pem
    }

    /// The SHA-256 digest of the certificate, 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` counts it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.cert_der))
    }

    /// The moment after which it signs nothing.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn not_after(&self) -> Result<Timestamp, Unusable> {
        Ok(validity(&parse(&self.cert_der)?)?.1)
    }

    /// Why it should be replaced before long, `None` while it need not: it has less than a month left. Nothing replaces it unasked, since
    /// whoever trusts it would have to trust another one.
    #[must_use]
    pub fn ending(&self, now: Timestamp) -> Option<Unusable> {
        let until = self.not_after().ok()?;
        let soon = until.duration_since(now) < SOON;
        soon.then(|| if until < now { Unusable::Expired(until) } else { Unusable::Ending { days: days_between(now, until), until } })
    }

    /// Whether it can sign at that time.
    ///
    /// # Errors
    /// Why it cannot: expired, not yet valid, or not an authority.
    pub fn usable(&self, now: Timestamp) -> Result<(), Unusable> {
        let certificate = parse(&self.cert_der)?;
        let signs = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
        if !certificate.is_ca() || !signs {
            return Err(Unusable::NotAnAuthority);
        }
        in_time(&certificate, now)
    }

    /// The parsed certificate, handed to a closure since it borrows.
    pub(super) fn with_certificate<T>(&self, then: impl FnOnce(&X509Certificate<'_>) -> Result<T, Unusable>) -> Result<T, Unusable> {
        then(&parse(&self.cert_der)?)
    }
}

/// `12 days`.
fn in_days(days: i64) -> String {
    format!("{days} {}", if days == 1 { "day" } else { "days" })
}

/// The whole days between two times, none where the second comes first.
pub(super) fn days_between(now: Timestamp, then: Timestamp) -> i64 {
    (then.duration_since(now).as_hours() / 24).max(0)
}

/// The bytes of the first certificate in a PEM text.
pub(super) fn der(pem: &str) -> Result<Vec<u8>, String> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|e| format!("the certificate is not PEM: {e}"))?;
    if block.label != "CERTIFICATE" {
        return Err(format!("the file holds a `{}` where a `CERTIFICATE` belongs", block.label));
    }
    Ok(block.contents)
}

/// When a certificate in PEM ends; `None` where it cannot be read.
#[must_use]
pub fn end_of(pem: &str) -> Option<Timestamp> {
    Some(validity(&parse(&der(pem).ok()?).ok()?).ok()?.1)
}

/// Reads a certificate.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Unusable> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(|e| Unusable::Unreadable(e.to_string()))
}

/// From when and until when a certificate is valid.
pub(super) fn validity(certificate: &X509Certificate<'_>) -> Result<(Timestamp, Timestamp), Unusable> {
    let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|e| Unusable::Unreadable(e.to_string()));
    Ok((time(certificate.validity().not_before.timestamp())?, time(certificate.validity().not_after.timestamp())?))
}

/// Whether a certificate is valid at that time.
pub(super) fn in_time(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), Unusable> {
    let (from, until) = validity(certificate)?;
    if now < from {
        return Err(Unusable::NotYetValid(from));
    }
    if now > until {
        return Err(Unusable::Expired(until));
    }
    Ok(())
}

/// Lower case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn authority() -> Authority {
        Authority::generate("tstack local CA", at("2026-01-01T00:00:00Z"), 30).unwrap()
    }

    #[test]
    fn a_new_authority_signs_at_once_even_for_a_clock_that_lags_a_day() {
        let ca = authority();
        assert_eq!(ca.usable(at("2026-01-01T00:00:00Z")), Ok(()));
        assert_eq!(ca.usable(at("2025-12-31T00:00:00Z")), Ok(()));
    }

    #[test]
    fn an_authority_outside_its_time_says_so() {
        let ca = authority();
        let early = ca.usable(at("2025-12-30T23:59:59Z")).unwrap_err();
        assert_eq!(early.to_string(), "it is valid only from 2025-12-31T00:00:00Z on; is the clock of this machine right?");
        let late = ca.usable(at("2026-02-01T00:00:00Z")).unwrap_err();
        assert_eq!(late.to_string(), "it expired on 2026-01-31T00:00:00Z");
    }

    #[test]
    fn an_authority_tells_of_its_end_a_month_before() {
        let ca = Authority::generate("ca", at("2026-01-01T00:00:00Z"), 3650).unwrap();
        let until = ca.not_after().unwrap();
        assert_eq!(ca.ending(at("2035-11-29T00:00:00Z")), None);
        assert_eq!(ca.ending(at("2035-12-18T12:00:00Z")), Some(Unusable::Ending { days: 11, until }));
        let last = ca.ending(at("2035-12-29T00:00:00Z")).unwrap();
        assert_eq!(last.to_string(), "it expires in 1 day, on 2035-12-30T00:00:00Z");
        assert_eq!(ca.ending(at("2036-01-01T00:00:00Z")), Some(Unusable::Expired(until)));
    }

    #[test]
    fn an_authority_may_sign_end_certificates_and_nothing_below_them() {
        let ca = authority();
        let certificate = parse(&ca.cert_der).unwrap();
        let constraints = certificate.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, Some(0));
        let usage = certificate.key_usage().unwrap().unwrap().value;
        assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
    }

    #[test]
    fn two_authorities_share_neither_serial_nor_fingerprint() {
        let (a, b) = (authority(), authority());
        assert_ne!(a.fingerprint(), b.fingerprint());
        assert_eq!(a.fingerprint().len(), 64);
        assert_ne!(parse(&a.cert_der).unwrap().serial, parse(&b.cert_der).unwrap().serial);
    }

    #[test]
    fn an_authority_comes_back_from_its_files() {
        let ca = authority();
        let again = Authority::from_pem(ca.cert_pem(), ca.key_pem().clone()).unwrap();
        assert_eq!(again.fingerprint(), ca.fingerprint());
        assert_eq!(again.not_after().unwrap(), at("2026-01-31T00:00:00Z"));
    }

    #[test]
    fn a_key_of_another_authority_is_refused() {
        let failure = Authority::from_pem(authority().cert_pem(), authority().key_pem().clone()).unwrap_err();
        assert_eq!(failure.why, ["the private key belongs to another certificate"]);
    }

    #[test]
    fn broken_files_are_named_by_their_kind() {
        let ca = authority();
        let failure = Authority::from_pem("", ca.key_pem().clone()).unwrap_err();
        assert!(failure.why[0].starts_with("the certificate is not PEM"), "{failure:?}");
        let failure = Authority::from_pem(ca.key_pem().reveal(), ca.key_pem().clone()).unwrap_err();
        assert!(failure.why[0].starts_with("the file holds a `PRIVATE KEY`"), "{failure:?}");
        let failure = Authority::from_pem(ca.cert_pem(), Secret::new("hunter2".into())).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }

    #[test]
    fn a_key_is_never_in_debug_output() {
        let ca = authority();
        let shown = format!("{ca:?} {:?} {ca:#?}", ca.key_pem());
        assert!(!shown.contains("PRIVATE"), "{shown}");
        let secret_line = ca.key_pem().reveal().lines().nth(1).unwrap();
        assert!(!shown.contains(secret_line), "{shown}");
    }
}
