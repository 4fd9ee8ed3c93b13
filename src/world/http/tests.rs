//! The connection against servers of which each does one thing wrong.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use super::testing::{Authority, Handler, Leaf, Reply, Server, at_once, free_port};
use super::{Answer, Connection, HttpError, Limits, Phase, Target, Tls};

fn hello() -> Handler {
    at_once(|seen| Reply::new(200, format!("{} {}", seen.path, seen.headers["host"])))
}

async fn open(url: &str, tls: Option<&Tls>) -> Result<Connection, HttpError> {
    Connection::open(&Target::from_url(url).unwrap(), tls, Limits::default()).await
}

async fn get(connection: &mut Connection) -> Result<Answer, HttpError> {
    connection.send(Method::GET, "/a?b=c", &HeaderMap::new()).await
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::start(hello()).await;
    let mut connection = open(&server.url("/"), None).await.unwrap();
    for _ in 0..3 {
        let answer = get(&mut connection).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reusable), (200, true));
        assert_eq!(answer.body, format!("/a?b=c 127.0.0.1:{}", server.port));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_that_closes_says_so() {
    let server = Server::start(at_once(|_| Reply { close: true, ..Reply::new(200, "bye") })).await;
    let mut connection = open(&server.url("/"), None).await.unwrap();
    let answer = get(&mut connection).await.unwrap();
    assert_eq!((&answer.body[..], answer.reusable), (&b"bye"[..], false));
    let error = get(&mut connection).await.unwrap_err();
    assert!(error.transient && error.phase == Phase::Answer, "{error}");
}

#[tokio::test]
async fn a_long_body_is_cut_and_ends_the_connection() {
    let server = Server::start(at_once(|_| Reply::new(200, "x".repeat(5000)))).await;
    let target = Target::from_url(&server.url("/")).unwrap();
    let limits = Limits { body: 100, ..Limits::default() };
    let answer = get(&mut Connection::open(&target, None, limits).await.unwrap()).await.unwrap();
    assert_eq!((answer.body.len(), answer.reusable), (100, false));
}

#[tokio::test]
async fn a_port_without_a_listener_names_both_addresses() {
    let port = free_port().await;
    let error = open(&format!("http://localhost:{port}/x"), None).await.unwrap_err();
    assert_eq!((error.phase, error.transient), (Phase::Connect, true));
    let text = error.to_string();
    assert!(text.starts_with(&format!("http://localhost:{port}/x: cannot connect: 127.0.0.1:{port}: ")), "{text}");
    assert!(text.contains(&format!("; [::1]:{port}: ")), "{text}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_the_limit() {
    let server = Server::start(Arc::new(|_| Box::pin(std::future::pending()))).await;
    let target = Target::from_url(&server.url("/")).unwrap();
    let limits = Limits { answer: Duration::from_millis(20), ..Limits::default() };
    let error = get(&mut Connection::open(&target, None, limits).await.unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}: no answer: it did not come within 20ms", server.url("/")));
    assert!(!error.transient);
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_transient_error() {
    let server = Server::start(Arc::new(|_| Box::pin(std::future::ready(None)))).await;
    let error = get(&mut open(&server.url("/"), None).await.unwrap()).await.unwrap_err();
    assert!(error.transient, "{error}");
    assert!(error.to_string().contains("no answer: connection closed before message completed"), "{error}");
}

async fn handshake(authority: &Authority, leaf: Leaf) -> Result<Connection, HttpError> {
    let server = Server::start_tls(hello(), leaf).await;
    let tls = Tls::from_ca_pem(&authority.pem).unwrap();
    let mut connection = open(&server.url("/").replace("127.0.0.1", "localhost"), Some(&tls)).await?;
    get(&mut connection).await?;
    Ok(connection)
}

#[tokio::test]
async fn a_certificate_of_our_ca_is_taken_and_its_names_are_known() {
    let ours = Authority::new("ours");
    let connection = handshake(&ours, ours.leaf(&["localhost", "127.0.0.1", "::1"])).await.unwrap();
    assert_eq!(connection.peer_names(), ["localhost", "127.0.0.1", "::1"]);
    assert_eq!(connection.certificate().unwrap().issuer, "CN=ours");
}

#[tokio::test]
async fn a_refused_certificate_is_described() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (leaf, words) in [
        (theirs.leaf(&["localhost"]), ["UnknownIssuer", "names localhost, signed by CN=theirs"]),
        (ours.leaf(&["other.localhost"]), ["not valid for name", "names other.localhost, signed by CN=ours"]),
        (ours.leaf_until(&["localhost"], 2001), ["expired", "to Jan  1 00:00:00 2001"]),
    ] {
        let error = handshake(&ours, leaf).await.unwrap_err();
        assert_eq!((error.phase, error.transient), (Phase::Handshake, false));
        for word in words {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_named() {
    let server = Server::start(hello()).await;
    let tls = Tls::from_ca_pem(&Authority::new("ours").pem).unwrap();
    let error = open(&server.url("/").replace("http:", "https:"), Some(&tls)).await.unwrap_err();
    assert!(error.to_string().contains("TLS handshake failed: "), "{error}");
}

#[test]
fn a_text_without_a_certificate_is_no_ca() {
    assert_eq!(Tls::from_ca_pem("hello").unwrap_err().why, ["the text holds no PEM certificate"]);
}
