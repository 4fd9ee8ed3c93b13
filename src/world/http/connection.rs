//! A connection: open, send, see what came and whether it is still good.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Certificate, HttpError, Phase, Target, Tls};
use crate::failure::chain;

/// How long a phase may take, and how much of a body is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the TCP connection to one address, and again for the TLS handshake.
    pub connect: Duration,
    /// From sending the request to the end of the answer's body.
    pub answer: Duration,
    /// Bytes of a body that are kept; with a longer one the connection is given up.
    pub body: usize,
}

impl Default for Limits {
    /// Loopback answers a connection at once; a slow task may take some seconds; the checks read small JSON.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(20), body: 1 << 20 }
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cut at [`Limits::body`].
    pub body: Bytes,
    /// Whether the connection can carry another request.
    pub reusable: bool,
}

impl Answer {
    /// A header as text; `None` where it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An open connection; it ends when it is dropped.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    limits: Limits,
    sender: http1::SendRequest<Empty<Bytes>>,
    certificate: Option<Certificate>,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    /// Connects, and shakes hands where the target speaks TLS. `localhost` is tried by IPv4 and then by IPv6.
    ///
    /// # Errors
    /// Names the URL, the phase and the cause; a refused certificate is described.
    pub async fn open(target: &Target, tls: Option<&Tls>, limits: Limits) -> Result<Self, HttpError> {
        let stream = connect(target, limits.connect).await?;
        if !target.secure {
            return Self::over(target, limits, stream, None).await;
        }
        let fail = |cause: String| HttpError::new(&target.url, Phase::Handshake, cause);
        let tls = tls.ok_or_else(|| fail("the CA of the cluster is not known, so no certificate can be trusted".into()))?;
        let name = ServerName::try_from(target.host.clone()).map_err(|e| fail(e.to_string()))?;
        let (config, shown) = tls.client().map_err(|e| fail(chain(&e)))?;
        let handshake = tokio_rustls::TlsConnector::from(config).connect(name, stream);
        let stream = match timeout(limits.connect, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let cause = match shown.get() {
                    Some(certificate) => format!("{}; the server showed: {certificate}", chain(&error)),
                    None => chain(&error),
                };
                // rustls puts what it found wrong itself into InvalidData; anything else is the connection that broke
                let broke = error.kind() != std::io::ErrorKind::InvalidData;
                return Err(if broke { fail(cause).transient() } else { fail(cause) });
            }
            Err(_) => return Err(fail(format!("nothing came within {:?}", limits.connect)).transient()),
        };
        Self::over(target, limits, stream, shown.get().cloned()).await
    }

    async fn over<S>(target: &Target, limits: Limits, stream: S, certificate: Option<Certificate>) -> Result<Self, HttpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, driver) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| HttpError::new(&target.url, Phase::Connect, chain(&e)).transient())?;
        // the driver's error comes back through the sender, as the error of the request that it broke
        let driver = AbortOnDropHandle::new(tokio::spawn(async move { drop(driver.await) }));
        Ok(Self { target: target.clone(), limits, sender, certificate, _driver: driver })
    }

    /// The certificate that the server showed; `None` without TLS.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// DNS names and IP addresses of the server's certificate; empty without TLS.
    #[must_use]
    pub fn peer_names(&self) -> &[String] {
        self.certificate.as_ref().map_or(&[], |certificate| &certificate.names)
    }

    /// Sends a request without a body and reads the whole answer. `path` is path and query.
    ///
    /// # Errors
    /// When the connection breaks or the answer takes too long; the connection is not to be used after that.
    pub async fn send(&mut self, method: Method, path: &str, headers: &HeaderMap) -> Result<Answer, HttpError> {
        let fail = |cause: String| HttpError::new(&self.target.url, Phase::Answer, cause);
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|e| fail(format!("`{path}` is not a path: {e}")))?;
        *request.headers_mut() = headers.clone();
        if !headers.contains_key(header::HOST) {
            let host = self.target.authority().parse().map_err(|e| fail(format!("the host cannot be a header: {e}")))?;
            request.headers_mut().insert(header::HOST, host);
        }
        match timeout(self.limits.answer, exchange(&mut self.sender, request, self.limits.body)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(fail(chain(&error)).transient()),
            Err(_) => Err(fail(format!("it did not come within {:?}", self.limits.answer))),
        }
    }
}

async fn connect(target: &Target, limit: Duration) -> Result<TcpStream, HttpError> {
    let mut causes = Vec::new();
    for address in target.addresses() {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // small requests one after another: waiting to fill a packet would only measure that wait
                drop(stream.set_nodelay(true));
                return Ok(stream);
            }
            Ok(Err(error)) => causes.push(format!("{address}: {error}")),
            Err(_) => causes.push(format!("{address}: no connection within {limit:?}")),
        }
    }
    Err(HttpError::new(&target.url, Phase::Connect, causes.join("; ")).transient())
}

async fn exchange(
    sender: &mut http1::SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
    limit: usize,
) -> Result<Answer, hyper::Error> {
    sender.ready().await?;
    let (head, mut body) = sender.send_request(request).await?.into_parts();
    let mut kept = Vec::new();
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = limit - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            whole = false;
            break;
        }
    }
    let says_close = head
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))));
    let old = head.version == http::Version::HTTP_10;
    let reusable = whole && !says_close && !old && !sender.is_closed();
    Ok(Answer { status: head.status, headers: head.headers, body: kept.into(), reusable })
}
