//! The objects that bring a certificate into a cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Authority, Leaf};
use crate::failure::Failure;
use crate::stack::{AUTHORITY_NAME, AUTHORITY_NAMESPACE, CertificateFile, CertificateIssuer, Object};

/// The objects of one certificate, in the order in which they must be applied.
///
/// With `issuer: cert-manager` the authority is handed over, and cert-manager signs and renews: a Secret, a `ClusterIssuer` and a
/// Certificate. With `issuer: tstack` it is one Secret with the leaf `leaf`, or with a new one made at `now`; pass the leaf that is in the
/// cluster where [`super::still_good`] holds, so that a second `up` changes nothing.
///
/// The values hold private keys: they go to the API server and nowhere else.
///
/// # Errors
/// As [`Authority::issue`], and a preflight failure when the authority cannot sign at that time.
pub fn objects(wanted: &CertificateFile, authority: &Authority, leaf: Option<&Leaf>, now: Timestamp) -> Result<Vec<Object>, Failure> {
    match wanted.issuer {
        CertificateIssuer::CertManager => {
            authority.usable(now).map_err(|e| Failure::preflight("cannot hand the certificate authority to cert-manager").because(&e))?;
            let ca = tls_secret(AUTHORITY_NAMESPACE, AUTHORITY_NAME, authority.cert_pem(), authority.key_pem().reveal(), None);
            Ok([ca, cluster_issuer(), certificate(wanted)].into_iter().map(Object::new).collect())
        }
        CertificateIssuer::Tstack => {
            let made;
            let leaf = if let Some(leaf) = leaf {
                leaf
            } else {
                made = authority.issue(wanted, now)?;
                &made
            };
            let ca = Some(authority.cert_pem());
            Ok(vec![Object::new(tls_secret(&wanted.namespace, &wanted.secret, &leaf.cert_pem, leaf.key.reveal(), ca))])
        }
    }
}

/// A Secret as gateways and cert-manager expect it.
pub(super) fn tls_secret(namespace: &str, name: &str, cert: &str, key: &str, ca: Option<&str>) -> Value {
    let mut data = json!({ "tls.crt": STANDARD.encode(cert), "tls.key": STANDARD.encode(key) });
    if let Some(ca) = ca {
        data["ca.crt"] = STANDARD.encode(ca).into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace },
        "type": "kubernetes.io/tls",
        "data": data,
    })
}

fn cluster_issuer() -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": { "name": AUTHORITY_NAME },
        "spec": { "ca": { "secretName": AUTHORITY_NAME } },
    })
}

fn certificate(wanted: &CertificateFile) -> Value {
    let mut spec = json!({
        "secretName": wanted.secret,
        "commonName": wanted.common_name,
        "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
        "usages": ["digital signature", "server auth"],
        "issuerRef": { "group": "cert-manager.io", "kind": "ClusterIssuer", "name": AUTHORITY_NAME },
    });
    // an empty list is not what the API server stores, and would be seen as a difference for ever
    if !wanted.dns_names.is_empty() {
        spec["dnsNames"] = json!(wanted.dns_names);
    }
    if !wanted.ip_addresses.is_empty() {
        spec["ipAddresses"] = json!(wanted.ip_addresses);
    }
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": { "name": wanted.secret, "namespace": wanted.namespace },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn wanted(issuer: CertificateIssuer) -> CertificateFile {
        CertificateFile {
            namespace: "task-api".into(),
            secret: "task-api-tls".into(),
            common_name: "localhost".into(),
            dns_names: vec!["localhost".into()],
            ip_addresses: vec![],
            issuer,
        }
    }

    fn decoded(object: &Object, key: &str) -> String {
        String::from_utf8(STANDARD.decode(object.value["data"][key].as_str().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn cert_manager_gets_the_authority_before_the_issuer_and_the_issuer_before_the_certificate() {
        let ca = Authority::generate("ca", now(), 30).unwrap();
        let all = objects(&wanted(CertificateIssuer::CertManager), &ca, None, now()).unwrap();
        let names: Vec<String> = all.iter().map(|o| o.id.to_string()).collect();
        assert_eq!(names, ["Secret cert-manager/tstack-ca", "ClusterIssuer tstack-ca", "Certificate task-api/task-api-tls"]);
        assert_eq!(decoded(&all[0], "tls.crt"), ca.cert_pem());
        assert_eq!(Secret::new(decoded(&all[0], "tls.key")), *ca.key_pem());
        assert_eq!(all[2].value["spec"]["issuerRef"]["name"], all[1].value["metadata"]["name"]);
        assert_eq!(all[2].value["spec"]["dnsNames"], json!(["localhost"]));
        assert_eq!(all[2].value["spec"].get("ipAddresses"), None);
    }

    #[test]
    fn without_cert_manager_one_secret_holds_leaf_key_and_authority() {
        let ca = Authority::generate("ca", now(), 30).unwrap();
        let wanted = wanted(CertificateIssuer::Tstack);
        let leaf = ca.issue(&wanted, now()).unwrap();
        let all = objects(&wanted, &ca, Some(&leaf), now()).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].id.to_string(), "Secret task-api/task-api-tls");
        assert_eq!(all[0].value["type"], "kubernetes.io/tls");
        assert_eq!((decoded(&all[0], "tls.crt"), decoded(&all[0], "ca.crt")), (leaf.cert_pem.clone(), ca.cert_pem().to_owned()));
        assert_eq!(objects(&wanted, &ca, Some(&leaf), now()).unwrap(), all, "the same leaf gives the same object");
    }

    #[test]
    fn the_objects_are_those_that_the_stack_says_a_certificate_stands_for() {
        let ca = Authority::generate("ca", now(), 30).unwrap();
        for issuer in [CertificateIssuer::CertManager, CertificateIssuer::Tstack] {
            let wanted = wanted(issuer);
            let ids: Vec<_> = objects(&wanted, &ca, None, now()).unwrap().into_iter().map(|object| object.id).collect();
            assert_eq!(ids, crate::stack::certificate_objects(&wanted));
        }
    }

    #[test]
    fn an_expired_authority_is_not_handed_over() {
        let ca = Authority::generate("ca", now(), 1).unwrap();
        let late = "2026-03-01T00:00:00Z".parse().unwrap();
        let failure = objects(&wanted(CertificateIssuer::CertManager), &ca, None, late).unwrap_err();
        assert_eq!(failure.what, "cannot hand the certificate authority to cert-manager");
        assert_eq!(failure.why, ["it expired on 2026-01-02T00:00:00Z"]);
    }
}
