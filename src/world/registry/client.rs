//! One request to a registry over a connection of its own, with TLS by the machine's own authorities.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::failure::chain;

/// For the connection and for the handshake, each.
const CONNECT: Duration = Duration::from_secs(10);
/// For the head of an answer, and for each next piece of its body.
const STALL: Duration = Duration::from_secs(30);
/// For a small body that is wanted as a whole.
const WHOLE: Duration = Duration::from_mins(2);

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    /// The server's certificate is not one that this machine trusts.
    #[error("{0}")]
    Untrusted(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<Unanswered> for String {
    fn from(why: Unanswered) -> Self {
        why.to_string()
    }
}

/// An answer whose body comes piece by piece.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    /// It must run while the body is read.
    _connection: AbortOnDropHandle<()>,
}

impl Answer {
    /// A header, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next piece of the body; `None` at its end. A body that ends before its announced length is an error.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Unanswered> {
        loop {
            let frame = timeout(STALL, self.body.frame()).await;
            match frame.map_err(|_| Unanswered::Other(format!("nothing came for {} s", STALL.as_secs())))? {
                None => return Ok(None),
                Some(Err(e)) => return Err(Unanswered::Other(chain(&e))),
                // trailers say nothing that is needed
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body, which may have `most` bytes.
    pub(super) async fn bytes(self, most: usize) -> Result<Bytes, Unanswered> {
        let all = timeout(WHOLE, self.all(most)).await;
        all.unwrap_or_else(|_| Err(Unanswered::Other(format!("the answer did not end within {} s", WHOLE.as_secs()))))
    }

    async fn all(mut self, most: usize) -> Result<Bytes, Unanswered> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            if all.len() + piece.len() > most {
                return Err(Unanswered::Other(format!("the answer has more than {most} bytes")));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }
}

/// Sends a request without a body. Follows nothing: a redirect is an answer.
pub(super) async fn send(method: Method, url: &str, accept: &str, token: Option<&str>) -> Result<Answer, Unanswered> {
    let other = |why: String| Unanswered::Other(why);
    let uri: Uri = url.parse().map_err(|_| other(format!("`{url}` is not an address")))?;
    let (host, secure) = match (uri.host(), uri.scheme_str()) {
        (Some(host), Some("https")) => (host, true),
        (Some(host), Some("http")) => (host, false),
        _ => return Err(other(format!("`{url}` is not an address"))),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let request = Request::builder()
        .method(method)
        .uri(uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))
        .header(header::HOST, uri.authority().map_or(host, http::uri::Authority::as_str))
        .header(header::ACCEPT, accept)
        .header(header::USER_AGENT, concat!("tstack/", env!("CARGO_PKG_VERSION")));
    let request = match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    let request = request.body(Empty::<Bytes>::new()).map_err(|e| other(chain(&e)))?;

    let stream = match timeout(CONNECT, TcpStream::connect((bare, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(other(format!("cannot connect to {host}:{port}: {e}"))),
        Err(_) => return Err(other(format!("cannot connect to {host}:{port} within {} s", CONNECT.as_secs()))),
    };
    if !secure {
        return exchange(stream, request).await;
    }
    let (config, lack) = TLS.clone().map_err(other)?;
    let name = ServerName::try_from(bare.to_owned()).map_err(|e| other(chain(&e)))?;
    match timeout(CONNECT, tokio_rustls::TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => exchange(stream, request).await,
        // rustls puts what it found wrong itself into InvalidData; anything else is the connection that broke
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::InvalidData => Err(Unanswered::Untrusted(format!("TLS: {}{lack}", chain(&e)))),
        Ok(Err(e)) => Err(other(format!("TLS: {}", chain(&e)))),
        Err(_) => Err(other(format!("the TLS handshake did not end within {} s", CONNECT.as_secs()))),
    }
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, Unanswered>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let other = |e: hyper::Error| Unanswered::Other(chain(&e));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(other)?;
    // an error of the connection shows in the answer
    let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let (head, body) = timeout(STALL, sender.send_request(request))
        .await
        .map_err(|_| Unanswered::Other(format!("no answer within {} s", STALL.as_secs())))?
        .map_err(other)?
        .into_parts();
    Ok(Answer { status: head.status, headers: head.headers, body, _connection: connection })
}

/// What is trusted: the authorities of this machine, as its other programs trust them; and what is to be said where it has none.
static TLS: LazyLock<Result<(Arc<ClientConfig>, &str), String>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // one that cannot be read takes none of the others away
    roots.add_parsable_certificates(found.certs);
    let lack = if roots.is_empty() { " (this machine has no certificate authorities: install ca-certificates)" } else { "" };
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| chain(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((Arc::new(config), lack))
});
