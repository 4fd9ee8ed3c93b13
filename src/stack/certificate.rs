//! Which objects stand for a component of certificates or Secrets.

use super::{CertificateFile, CertificateIssuer, ObjectId, SecretsFile};

/// The name of the `ClusterIssuer` that signs with the local CA, and of the Secret that holds the CA.
pub const AUTHORITY_NAME: &str = "tstack-ca";
/// The namespace in which cert-manager looks for the Secrets of a `ClusterIssuer` (its default).
pub const AUTHORITY_NAMESPACE: &str = "cert-manager";

/// The objects of a certificate component, in the order in which they are applied.
#[must_use]
pub fn certificate_objects(certificate: &CertificateFile) -> Vec<ObjectId> {
    match certificate.issuer {
        CertificateIssuer::CertManager => vec![
            ObjectId::new("v1", "Secret", AUTHORITY_NAMESPACE, AUTHORITY_NAME),
            ObjectId::new("cert-manager.io/v1", "ClusterIssuer", "", AUTHORITY_NAME),
            ObjectId::new("cert-manager.io/v1", "Certificate", &certificate.namespace, &certificate.secret),
        ],
        CertificateIssuer::Tstack => vec![ObjectId::new("v1", "Secret", &certificate.namespace, &certificate.secret)],
    }
}

/// The Secrets of a component that makes some, in the order of the file.
#[must_use]
pub fn secret_objects(secrets: &SecretsFile) -> Vec<ObjectId> {
    let names = secrets.tls.iter().map(|one| &one.secret).chain(secrets.random.iter().map(|one| &one.secret));
    names.map(|name| ObjectId::new("v1", "Secret", &secrets.namespace, name)).collect()
}
