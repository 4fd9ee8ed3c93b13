//! The certificates of a stack.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The certificates of a stack. On the wire in camelCase; readers must accept fields that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// The name of the cluster, as the user gives it.
    pub name: String,
    /// The local CA, where there is one.
    pub authority: Option<AuthorityStatus>,
    /// The certificates that it signs, in the order of the stack.
    #[serde(default)]
    pub leaves: Vec<LeafStatus>,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Whose it is: `CN=localhost`.
    pub subject: String,
    /// Its DNS names and addresses.
    pub names: Vec<String>,
    /// Its SHA-256 digest, 64 hexadecimal digits.
    pub fingerprint: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// The local CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityStatus {
    /// What it says.
    #[serde(flatten)]
    pub certificate: CertificateStatus,
    /// The file that it is in.
    pub file: String,
    /// What it may sign for; empty where that is anything.
    pub signs_for: Vec<String>,
    /// The file in the system's trust store that holds it, where it is trusted there.
    pub trusted: Option<String>,
}

/// A certificate that the local CA signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeafStatus {
    /// The component of the stack.
    pub component: String,
    /// The Secret that holds it: `namespace/name`.
    pub secret: String,
    /// Who issues and renews it: `cert-manager`, or `tstack` itself on `up`.
    pub issuer: String,
    /// What it says, where it could be read.
    pub certificate: Option<CertificateStatus>,
    /// Why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
