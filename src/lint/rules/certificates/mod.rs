//! TS6xx: TLS: certificates, issuers, and the Secrets that listeners serve.

mod issuers;
mod pem;
mod requests;
mod secrets;
mod served;

use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::rule::Rule;

/// The group of cert-manager's kinds.
const CERT_MANAGER: &str = "cert-manager.io";

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS601", "secret-missing", Error, secrets::missing),
    Rule::new("TS602", "secret-of-another-type", Error, secrets::type_),
    Rule::new("TS603", "secret-unreadable", Error, served::unreadable),
    Rule::new("TS604", "certificate-expired", Error, served::expired),
    Rule::new("TS605", "certificate-lacks-hostname", Error, served::lacks_hostname),
    Rule::new("TS606", "secret-not-granted", Error, secrets::not_granted),
    Rule::new("TS607", "certificate-ref-kind", Error, secrets::kind),
    Rule::new("TS610", "issuer-missing", Error, requests::issuer_missing),
    Rule::new("TS611", "secret-written-twice", Error, requests::written_twice),
    Rule::new("TS612", "request-lacks-hostname", Error, requests::lacks_hostname),
    Rule::new("TS613", "renewal-before-issue", Error, requests::durations),
    Rule::new("TS614", "issuer-without-kind", Error, issuers::kinds),
    Rule::new("TS615", "acme-for-local-name", Error, issuers::acme_local),
    Rule::new("TS616", "http01-without-ingress-controller", Error, issuers::http01_class),
    Rule::new("TS617", "wildcard-by-http01", Error, issuers::wildcard),
    Rule::new("TS618", "ca-secret-elsewhere", Warning, issuers::ca_secret),
    Rule::new("TS619", "annotated-listener-without-hostname", Warning, issuers::annotation),
    Rule::new("TS620", "gateway-annotation", Note, issuers::annotated),
];
