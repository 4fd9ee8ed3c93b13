//! Handshakes with right and wrong certificates.

use crate::checks::testing::{Bench, told_of};
use crate::event::CheckReport;
use crate::stack::{CheckKind, TlsCheck};
use crate::world::http::testing::{Authority, Leaf, Reply, Server, at_once, free_port};

async fn shake(port: u16, ca: &Authority, names: &[&str]) -> CheckReport {
    let mut bench = Bench::new();
    bench.context.ca_pem = Some(ca.pem.clone());
    let names = names.iter().map(|&name| name.to_owned()).collect();
    bench.run(CheckKind::Tls(TlsCheck { address: format!("localhost:{port}"), names })).await
}

async fn shown(leaf: Leaf, ca: &Authority, names: &[&str]) -> CheckReport {
    let server = Server::start_tls(at_once(|_| Reply::new(200, "")), leaf).await;
    shake(server.port, ca, names).await
}

#[tokio::test]
async fn a_certificate_of_our_ca_with_all_names_passes() {
    let ca = Authority::new("ours");
    let report = shown(ca.leaf(&["localhost", "127.0.0.1", "::1"]), &ca, &["LOCALHOST", "127.0.0.1", "0:0:0:0:0:0:0:1"]).await;
    assert_eq!(report.failure, None);
    assert_eq!(report.seen, "a certificate of the cluster's CA for localhost, 127.0.0.1, ::1");
}

#[tokio::test]
async fn a_missing_name_is_named() {
    let ca = Authority::new("ours");
    let told = told_of(&shown(ca.leaf(&["localhost"]), &ca, &["localhost", "127.0.0.1"]).await);
    assert!(told.contains("does not hold 127.0.0.1\n") && told.contains("names localhost, signed by CN=ours"), "{told}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_described() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let report = shown(theirs.leaf(&["localhost"]), &ours, &[]).await;
    assert_eq!(report.seen, "TLS handshake failed");
    let told = told_of(&report);
    assert!(told.contains("UnknownIssuer") && told.contains("signed by CN=theirs") && told.contains("Another CA"), "{told}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_described() {
    let ca = Authority::new("ours");
    let told = told_of(&shown(ca.leaf(&["other.localhost"]), &ca, &[]).await);
    assert!(told.contains("names other.localhost") && told.contains("Add the name"), "{told}");
}

#[tokio::test]
async fn a_port_that_speaks_plain_http_is_told_apart() {
    let server = Server::start(at_once(|_| Reply::new(200, ""))).await;
    let told = told_of(&shake(server.port, &Authority::new("ours"), &[]).await);
    assert!(told.contains("TLS handshake failed") && told.contains("The port answers without TLS"), "{told}");
}

#[tokio::test]
async fn a_port_without_a_listener_is_told_apart() {
    let report = shake(free_port().await, &Authority::new("ours"), &[]).await;
    assert_eq!(report.seen, "cannot connect");
}
