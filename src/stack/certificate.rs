//! Which objects a certificate component stands for.

use super::{CertificateFile, CertificateIssuer, ObjectId};

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
