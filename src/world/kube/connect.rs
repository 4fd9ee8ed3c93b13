//! The way into a cluster: one kubeconfig file that is named, nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::time::timeout;

use super::Cluster;
use super::call::CallError;
use crate::failure::Failure;

/// How long the TCP and TLS handshakes may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// How long the first request may take, handshakes included.
const FIRST_LIMIT: Duration = Duration::from_secs(10);

impl Cluster {
    /// Connects with a kubeconfig file and asks for the server's version, so that a dead cluster is found here and not later.
    ///
    /// Reads that file alone: neither `KUBECONFIG` nor an in-cluster account can lead into another cluster. Without `context` the
    /// file's current context is used. Takes ten seconds at most.
    pub async fn connect(kubeconfig: &Path, context: Option<&str>) -> Result<Self, Failure> {
        let config = config(kubeconfig, context).await?;
        let server = config.cluster_url.to_string();
        let cluster = Self::new(client(config, kubeconfig)?, server);
        match timeout(FIRST_LIMIT, cluster.json("/version")).await {
            Ok(Ok(_)) => Ok(cluster),
            Ok(Err(error)) => Err(CallError::from(error).failure(format!("cannot reach the API server {}", cluster.server()))),
            Err(_) => Err(CallError::NoAnswer(format!("no answer within {} s", FIRST_LIMIT.as_secs()))
                .failure(format!("cannot reach the API server {}", cluster.server()))),
        }
    }
}

impl Cluster {
    /// The address of the API server that a context leads to, and the host in it, as the kubeconfig has them. Nobody is asked anything, and no
    /// program that gives credentials is run.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, or has no such context.
    pub async fn server_of(kubeconfig: &Path, context: &str) -> Result<(String, String), Failure> {
        let url = config(kubeconfig, Some(context)).await?.cluster_url;
        let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        // a name and password before the host are nobody's business
        let place = url.authority().map_or("", |all| all.as_str().rsplit('@').next().unwrap_or_default());
        Ok((format!("{}://{place}{}", url.scheme_str().unwrap_or("http"), url.path().trim_end_matches('/')), host))
    }

    /// Whether the API server says of itself that it is ready: all that it serves is known to it, and who may do what.
    ///
    /// # Errors
    /// When it does not answer, or answers that it is not.
    pub async fn says_ready(&self) -> Result<(), Failure> {
        let request = http::Request::get("/readyz").body(Vec::new()).map_err(kube::Error::HttpError);
        let answer = async { self.client().request_text(request?).await };
        answer.await.map(drop).map_err(|e| CallError::from(e).failure(format!("the API server {} is not ready", self.server())))
    }

    /// The API server's version: `v1.34.4`.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn version(&self) -> Result<String, Failure> {
        let answer = self.json("/version").await.map_err(|e| CallError::from(e).failure("cannot ask the API server for its version"))?;
        Ok(answer["gitVersion"].as_str().unwrap_or_default().to_owned())
    }
}

/// Whether a kubeconfig says where a cluster is: it is there, and not cut short. Nothing is asked.
pub async fn says_where(kubeconfig: &Path) -> bool {
    match config(kubeconfig, None).await {
        Ok(config) => client(config, kubeconfig).is_ok(),
        Err(_) => false,
    }
}

/// A client whose connections may be quiet for as long as they like, for tunnels to pods. Nothing is asked yet.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn client_for_tunnels(kubeconfig: &Path, context: Option<&str>) -> Result<Client, Failure> {
    let mut config = config(kubeconfig, context).await?;
    config.read_timeout = None;
    client(config, kubeconfig)
}

/// The same for the API server at another address, whose certificate has to name that address.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn client_for_tunnels_at(kubeconfig: &Path, address: SocketAddr) -> Result<Client, Failure> {
    let mut config = config(kubeconfig, None).await?;
    let uri = format!("https://{address}").parse();
    config.cluster_url = uri.map_err(|e| Failure::step(format!("{address} is no address of an API server")).because(&e))?;
    config.tls_server_name = None;
    // a container of this machine: no proxy leads to it
    config.proxy_url = None;
    client(config, kubeconfig)
}

fn client(config: Config, kubeconfig: &Path) -> Result<Client, Failure> {
    // one provider of cryptography for the whole program; a second call changes nothing
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    Client::try_from(config).map_err(|e| Failure::step(format!("the kubeconfig {} cannot be used", kubeconfig.display())).because(&e))
}

async fn config(path: &Path, context: Option<&str>) -> Result<Config, Failure> {
    let file =
        Kubeconfig::read_from(path).map_err(|e| Failure::step(format!("cannot read the kubeconfig {}", path.display())).because(&e))?;
    let known: Vec<String> = file.contexts.iter().map(|one| one.name.clone()).collect();
    if let Some(wanted) = context.or(file.current_context.as_deref())
        && !known.iter().any(|name| name == wanted)
    {
        return Err(no_context(path, wanted, &known));
    }
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(file, &options)
        .await
        .map_err(|e| Failure::step(format!("the kubeconfig {} cannot be used", path.display())).because(&e))?;
    config.connect_timeout = Some(HANDSHAKE_LIMIT);
    // what is worth a second try is decided call by call: a 503 of a service behind the proxy is an answer
    config.default_retry = false;
    // kube takes HTTPS_PROXY of the environment; no proxy leads to this machine's own loopback
    if config.cluster_url.host().is_some_and(is_loopback) {
        config.proxy_url = None;
    }
    Ok(config)
}

fn no_context(path: &Path, wanted: &str, known: &[String]) -> Failure {
    let there = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    Failure::usage(format!("the kubeconfig {} has no context `{wanted}`", path.display()))
        .why(there)
        .hint("Name one of its contexts with `--context`.")
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
