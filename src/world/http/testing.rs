//! A small HTTP/1.1 server for tests, with and without TLS, which does exactly what a test says, also what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Which connection of the server, counted from 1.
    pub(crate) connection: usize,
}

/// What the server says.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Announces so many bytes more than it sends, and closes.
    pub(crate) withheld: usize,
    /// Sends nothing more after that, and does not close either.
    pub(crate) stalls: bool,
    /// Say `connection: close`, and close.
    pub(crate) close: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), withheld: 0, stalls: false, close: false }
    }

    pub(crate) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// `None` closes the connection without an answer.
pub(crate) type Handler = Arc<dyn Fn(Seen) -> BoxFuture<'static, Option<Reply>> + Send + Sync>;

/// A handler that answers at once.
pub(crate) fn at_once(answer: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Handler {
    Arc::new(move |seen| {
        let reply = answer(seen);
        Box::pin(async move { Some(reply) })
    })
}

/// A server on a free port of 127.0.0.1; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    secure: bool,
    connections: Arc<AtomicUsize>,
    ended: watch::Receiver<usize>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn start(handler: Handler) -> Self {
        Self::serve(handler, None).await
    }

    pub(crate) async fn start_tls(handler: Handler, leaf: Leaf) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.certificate], leaf.key.into())
            .unwrap();
        Self::serve(handler, Some(Arc::new(config))).await
    }

    async fn serve(handler: Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let secure = tls.is_some();
        let count = Arc::clone(&connections);
        let (ended_tx, ended) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let handler = Arc::clone(&handler);
                let (tls, ended) = (tls.clone(), ended_tx.clone());
                open.spawn(async move {
                    match tls {
                        None => speak(stream, handler, number).await,
                        Some(config) => {
                            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(stream).await {
                                speak(stream, handler, number).await;
                            }
                        }
                    }
                    ended.send_modify(|count| *count += 1);
                });
            }
        });
        Self { port, secure, connections, ended, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", if self.secure { "https" } else { "http" }, self.port)
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until every connection that was accepted has ended.
    pub(crate) async fn all_ended(&self) {
        self.ended.clone().wait_for(|ended| *ended == self.connections()).await.unwrap();
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, handler: Handler, connection: usize) {
    let mut stream = BufReader::new(stream);
    loop {
        let reply = match read(&mut stream, connection).await {
            Ok(Some(seen)) => handler(seen).await,
            Ok(None) => None,
            // as real servers answer what is no HTTP, a TLS handshake for one
            Err(_) => Some(Reply { close: true, ..Reply::new(400, "") }),
        };
        let Some(reply) = reply else { return };
        let mut text = format!("HTTP/1.1 {} Reason\r\ncontent-length: {}\r\n", reply.status, reply.body.len() + reply.withheld);
        for (name, value) in &reply.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if reply.close {
            text.push_str("connection: close\r\n");
        }
        text.push_str("\r\n");
        let sent = stream.write_all(text.as_bytes()).await.is_ok() && stream.write_all(&reply.body).await.is_ok();
        if reply.stalls && stream.flush().await.is_ok() {
            std::future::pending::<()>().await;
        }
        if !sent || stream.flush().await.is_err() || reply.close || reply.withheld > 0 {
            return;
        }
    }
}

/// One request's head; `None` at the end of the connection.
async fn read(stream: &mut (impl AsyncBufRead + Unpin), connection: usize) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).ok_or(std::io::ErrorKind::InvalidData)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Ok(Some(Seen { path, headers, connection })),
        };
    }
}

/// A port of 127.0.0.1 on which nothing listens.
pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A CA.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Leaf {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: rcgen::Issuer::new(params, key) }
    }

    pub(crate) fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_until(names, 4000)
    }

    pub(crate) fn leaf_until(&self, names: &[&str], year: i32) -> Leaf {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Leaf { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()) }
    }
}
