//! Keys that programs would otherwise make for themselves when they start, while whoever needs them waits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, SanType};
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::leaf::{Form, names, what};
use super::objects::tls_secret;
use super::{Authority, Leaf, Secret};
use crate::failure::Failure;
use crate::stack::{Object, SecretsFile, TlsSecretFile};

/// Five years, as Envoy Gateway gives its own (`internal/crypto/certgen.go`): longer than any cluster of ours lives, and nobody renews them.
const DAYS: u32 = 5 * 365;
/// The least that is still thought safe until 2030 (NIST SP 800-57); more costs seconds.
const RSA_BITS: usize = 2048;

/// The Secrets of a component, made anew. The authority that signs their certificates is made for them and thrown away, unless one of them
/// holds its key.
///
/// The values hold private keys: they go to the API server and nowhere else.
///
/// # Errors
/// A usage failure when a name cannot be in a certificate; an internal failure when the system gives no randomness.
pub fn minted(wanted: &SecretsFile, now: Timestamp) -> Result<Vec<Object>, Failure> {
    let mut secrets = Vec::new();
    if !wanted.tls.is_empty() {
        let authority = Throwaway::make(wanted, now)?;
        for one in &wanted.tls {
            let leaf = authority.issue(wanted, one, now)?;
            let ca = Some(authority.authority.cert_pem());
            let mut secret = tls_secret(&wanted.namespace, &one.secret, &leaf.cert_pem, leaf.key.reveal(), ca);
            if let (true, Some(key)) = (one.authority_key, &authority.pkcs1) {
                secret["data"]["ca.key"] = STANDARD.encode(key.reveal()).into();
            }
            secrets.push(secret);
        }
    }
    for one in &wanted.random {
        let mut bytes = Zeroizing::new(vec![0_u8; one.bytes.into()]);
        OsRng.try_fill_bytes(&mut bytes).map_err(|e| Failure::internal("the system gives no random bytes").because(&e))?;
        secrets.push(opaque(&wanted.namespace, &one.secret, &one.key, &bytes));
    }
    Ok(secrets.into_iter().map(Object::new).collect())
}

fn opaque(namespace: &str, name: &str, key: &str, bytes: &[u8]) -> Value {
    let data = json!({ key: STANDARD.encode(bytes) });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace }, "type": "Opaque", "data": data })
}

/// An authority for the Secrets of one component.
struct Throwaway {
    authority: Authority,
    /// Its key as some programs want it, where one does.
    pkcs1: Option<Secret>,
}

impl Throwaway {
    fn make(wanted: &SecretsFile, now: Timestamp) -> Result<Self, Failure> {
        let name = wanted.authority.as_deref().unwrap_or(&wanted.namespace);
        let fail = |why: String| Failure::internal(format!("cannot make the keys of the authority `{name}`")).why(why);
        let (key, pkcs1) = if wanted.tls.iter().any(|one| one.authority_key) {
            let key = rsa::RsaPrivateKey::new(&mut OsRng, RSA_BITS).map_err(|e| fail(e.to_string()))?;
            let pkcs8 = key.to_pkcs8_pem(LineEnding::LF).map_err(|e| fail(e.to_string()))?;
            let pkcs1 = Secret::from(key.to_pkcs1_pem(LineEnding::LF).map_err(|e| fail(e.to_string()))?);
            (KeyPair::from_pem(&pkcs8).map_err(|_| fail("the key is not understood".into()))?, Some(pkcs1))
        } else {
            (KeyPair::generate().map_err(|e| fail(e.to_string()))?, None)
        };
        // programs that look after their certificates ask whether the authority's is for its name (cert-controller, `ValidCert`)
        let names = vec![SanType::DnsName(name.try_into().map_err(|_| Failure::usage(format!("`{name}` is not a DNS name")))?)];
        let mut params = Authority::params(name, now, DAYS);
        params.subject_alt_names = names;
        Ok(Self { authority: Authority::of(key, params)?, pkcs1 })
    }

    fn issue(&self, wanted: &SecretsFile, one: &TlsSecretFile, now: Timestamp) -> Result<Leaf, Failure> {
        let what = what(&wanted.namespace, &one.secret);
        let names = names(&one.dns_names, &[]).map_err(|why| Failure::usage(what.as_str()).why(why))?;
        let usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let common_name = one.dns_names.first().map_or("", String::as_str);
        self.authority.sign(Form { what, common_name, names, usages, days: DAYS }, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::authority::{der, parse};
    use super::*;
    use crate::stack::RandomSecretFile;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn tls(secret: &str, names: &[&str], authority_key: bool) -> TlsSecretFile {
        TlsSecretFile { secret: secret.into(), dns_names: names.iter().map(|name| (*name).to_owned()).collect(), authority_key }
    }

    fn wanted(tls: Vec<TlsSecretFile>) -> SecretsFile {
        let random = vec![RandomSecretFile { secret: "session".into(), key: "hmac".into(), bytes: 32 }];
        SecretsFile { namespace: "keda".into(), authority: Some("KEDA".into()), tls, random }
    }

    fn decoded(object: &Object, key: &str) -> String {
        String::from_utf8(STANDARD.decode(object.value["data"][key].as_str().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn certificates_of_one_component_are_signed_by_one_authority_that_goes_with_each() {
        let made = minted(&wanted(vec![tls("server", &["a", "a.keda.svc"], false), tls("client", &["*.keda"], false)]), now()).unwrap();
        let names: Vec<String> = made.iter().map(|o| o.id.to_string()).collect();
        assert_eq!(names, ["Secret keda/server", "Secret keda/client", "Secret keda/session"]);
        let ca = decoded(&made[0], "ca.crt");
        assert_eq!(ca, decoded(&made[1], "ca.crt"));
        let ca = der(&ca).unwrap();
        let ca = parse(&ca).unwrap();
        for one in &made[..2] {
            assert!(one.value["data"].get("ca.key").is_none(), "the authority's key is thrown away");
            let leaf = der(&decoded(one, "tls.crt")).unwrap();
            let leaf = parse(&leaf).unwrap();
            leaf.verify_signature(Some(ca.public_key())).unwrap();
            let usage = leaf.extended_key_usage().unwrap().unwrap().value;
            assert!(usage.server_auth && usage.client_auth);
        }
    }

    #[test]
    fn the_key_of_an_authority_that_a_program_wants_is_rsa_in_pkcs1_and_belongs_to_its_certificate() {
        let made = minted(&wanted(vec![tls("kedaorg-certs", &["keda-operator"], true)]), now()).unwrap();
        let key = decoded(&made[0], "ca.key");
        assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "it is another form");
        let ca = der(&decoded(&made[0], "ca.crt")).unwrap();
        let ca = parse(&ca).unwrap();
        let key = <rsa::RsaPrivateKey as rsa::pkcs1::DecodeRsaPrivateKey>::from_pkcs1_pem(&key).unwrap();
        let public = rsa::pkcs1::EncodeRsaPublicKey::to_pkcs1_der(&key.to_public_key()).unwrap();
        assert_eq!(ca.public_key().subject_public_key.data.as_ref(), public.as_bytes());
        let names = ca.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
        assert_eq!(names, [x509_parser::extensions::GeneralName::DNSName("KEDA")]);
    }

    #[test]
    fn random_bytes_are_as_many_as_asked_for_and_never_the_same() {
        let bytes = || STANDARD.decode(minted(&wanted(Vec::new()), now()).unwrap()[0].value["data"]["hmac"].as_str().unwrap()).unwrap();
        let (one, other) = (bytes(), bytes());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }
}
