//! Asks a process whether it is well, and Envoy's admin interface what it does.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::failure::chain;
use crate::host;
use crate::world::http::{Connection, Limits, Target};

/// The longest answer of Envoy's admin interface that is read.
const ANSWER: usize = 16 * 1024 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// As the stack's object says.
    Probe(host::Ask, u16),
    /// A path of an HTTP server on a Unix socket.
    Socket(PathBuf, &'static str),
}

/// Asks once; why it is not well.
pub(super) async fn ask(question: &Question, limit: Duration) -> Result<(), String> {
    let late = |what: String| format!("{what}: nothing came within {} s", limit.as_secs_f32());
    match question {
        Question::Probe(host::Ask::Http { path, headers, https: false }, port) => {
            let what = format!("GET {path}");
            let answer = timeout(limit, get(*port, path, headers)).await.map_err(|_| late(what.clone()))?;
            let code = answer.map_err(|why| format!("{what}: {why}"))?;
            if (200..400).contains(&code) { Ok(()) } else { Err(format!("{what}: {code}")) }
        }
        // of TLS the certificate would not matter: that somebody takes the connection is asked
        Question::Probe(_, port) => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            let connected = timeout(limit, TcpStream::connect(address)).await.map_err(|_| late(format!("connect to {address}")))?;
            connected.map(drop).map_err(|e| format!("connect to {address}: {e}"))
        }
        Question::Socket(socket, path) => {
            let answer = timeout(limit, get_from(socket, path)).await.map_err(|_| late(format!("GET {path}")))?;
            match answer {
                Ok((200, _)) => Ok(()),
                Ok((code, text)) => Err(format!("GET {path}: {code} {}", text.trim())),
                Err(why) => Err(format!("GET {path}: {why}")),
            }
        }
    }
}

async fn get(port: u16, path: &str, headers: &[(String, String)]) -> Result<u16, String> {
    let target = Target::from_url(&format!("http://127.0.0.1:{port}/")).map_err(|e| e.to_string())?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is not a header"))?;
        map.append(name, HeaderValue::from_str(value).map_err(|_| format!("`{value}` cannot be a header's value"))?);
    }
    let mut connection = Connection::open(&target, None, Limits::default()).await.map_err(|e| e.cause)?;
    let answer = connection.send(Method::GET, path, &map).await.map_err(|e| e.cause)?;
    Ok(answer.status.as_u16())
}

/// Asks an HTTP server on a Unix socket.
async fn get_from(socket: &Path, path: &str) -> Result<(u16, String), String> {
    let stream = UnixStream::connect(socket).await.map_err(|e| e.to_string())?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| chain(&e))?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(driver));
    let request = Request::get(path).header("host", "envoy").body(Empty::<Bytes>::new()).map_err(|e| e.to_string())?;
    let answer = sender.send_request(request).await.map_err(|e| chain(&e))?;
    let code = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER).collect().await.map_err(|e| e.to_string())?.to_bytes();
    Ok((code, String::from_utf8_lossy(&body).into_owned()))
}

/// The addresses that an Envoy listens on.
pub(super) async fn listeners(admin: &Path, limit: Duration) -> Result<Vec<SocketAddr>, String> {
    let answer = timeout(limit, get_from(admin, "/listeners?format=json")).await;
    let (_, text) = answer.map_err(|_| "its admin interface does not answer".to_owned())??;
    let answer: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    Ok(addresses(&answer))
}

fn addresses(answer: &Value) -> Vec<SocketAddr> {
    let statuses = answer["listener_statuses"].as_array().into_iter().flatten();
    let all = statuses
        .flat_map(|one| std::iter::once(&one["local_address"]).chain(one["additional_local_addresses"].as_array().into_iter().flatten()));
    all.filter_map(|address| {
        let socket = &address["socket_address"];
        let port = u16::try_from(socket["port_value"].as_u64()?).ok()?;
        Some(SocketAddr::new(socket["address"].as_str()?.parse().ok()?, port))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_address_of_a_listener_counts() {
        let socket = |address: &str, port: u16| json!({"socket_address": {"address": address, "port_value": port}});
        let answer = json!({"listener_statuses": [
            {"name": "a", "local_address": socket("127.0.0.1", 8080), "additional_local_addresses": [socket("::1", 8080)]},
            {"name": "b", "local_address": {"pipe": {"path": "/x"}}}
        ]});
        let found: Vec<String> = addresses(&answer).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["127.0.0.1:8080", "[::1]:8080"]);
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_not_well() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let http = host::Ask::Http { path: "/ready".to_owned(), headers: Vec::new(), https: false };
        let why = ask(&Question::Probe(http, port), Duration::from_secs(5)).await.unwrap_err();
        assert!(why.starts_with("GET /ready: 127.0.0.1:"), "{why}");
        assert!(ask(&Question::Probe(host::Ask::Tcp, port), Duration::from_secs(5)).await.is_err());
    }
}
