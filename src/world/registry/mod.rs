//! Registries and their mirrors.

mod client;
mod repository;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::stack::ImageRef;

pub(super) use repository::{Descriptor, MANIFESTS, Repository};

/// How long a registry on this machine may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a registry may take to say that it is one.
const AT_ONCE: Duration = Duration::from_secs(6);

/// The greatest answer that is read: registries limit manifests to 4 MiB (OCI distribution specification, "Pushing Manifests").
const MOST: usize = 4 << 20;

/// Where the images and charts of a registry are fetched instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The host, with its port where the address has one: `127.0.0.1:5000`.
    pub host: String,
    /// The path before the images' own, without slashes at its ends; often empty.
    pub prefix: String,
    /// Whether it speaks http without TLS; only true for this machine's own addresses.
    pub plain_http: bool,
}

impl Mirror {
    /// Reads an address: `https://mirror.example.com/docker-hub` or `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// Why it is not the address of a mirror, as the end of a sentence.
    pub fn parse(address: &str) -> Result<Self, String> {
        let (plain_http, rest) = match address.split_once("://") {
            Some(("https", rest)) => (false, rest),
            Some(("http", rest)) => (true, rest),
            _ => return Err(format!("`{address}` is not an address: it starts with neither `https://` nor `http://`")),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let uri: http::Uri = host.parse().map_err(|_| format!("`{address}` has no host"))?;
        let name = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| format!("`{address}` has no host"))?;
        if uri.authority().is_none_or(|a| a.as_str().contains('@')) {
            return Err("a mirror's address holds no user or password; log in with `docker login` instead".to_owned());
        }
        if plain_http && !is_loopback(name) {
            return Err(format!("`{address}` is http without TLS, which is only accepted for this machine (127.0.0.1); use https"));
        }
        let prefix = prefix.trim_matches('/');
        // the path must be usable in an image's name
        if !prefix.is_empty() && ImageRef::parse(&format!("{host}/{prefix}/x:1")).is_err() {
            return Err(format!("`{address}` has a path that image names cannot have"));
        }
        Ok(Self { host: host.to_owned(), prefix: prefix.to_owned(), plain_http })
    }

    /// The image under the mirror's name.
    #[must_use]
    pub fn image(&self, image: &ImageRef) -> ImageRef {
        ImageRef { path: self.path(&image.path), ..image.at(&self.host) }
    }

    fn path(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }
}

impl std::fmt::Display for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.plain_http { "http" } else { "https" }, self.path_of_host())
    }
}

impl Mirror {
    fn path_of_host(&self) -> String {
        if self.prefix.is_empty() { self.host.clone() } else { format!("{}/{}", self.host, self.prefix) }
    }
}

/// Whether a host is this machine: the engine accepts http without TLS for these alone, without being configured.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The mirrors that are set, by registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    by_host: BTreeMap<String, Mirror>,
}

/// What Helm is told to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartSource {
    /// `oci://host/path`, without version.
    pub reference: String,
    /// Whether Helm needs `--plain-http`.
    pub plain_http: bool,
}

impl Mirrors {
    /// Reads the setting: the registry's host (or `*` for every registry) and the mirror's address.
    ///
    /// # Errors
    /// Every entry that is wrong, with the reason.
    pub fn parse(entries: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let (mut by_host, mut findings) = (BTreeMap::new(), Vec::new());
        for (host, address) in entries {
            if host.is_empty() || host.contains('/') {
                findings.push(format!("the mirror of `{host}`: `{host}` is not the host of a registry"));
                continue;
            }
            match Mirror::parse(address) {
                Ok(mirror) => drop(by_host.insert(canonical(host).to_owned(), mirror)),
                Err(why) => findings.push(format!("the mirror of `{host}`: {why}")),
            }
        }
        if findings.is_empty() { Ok(Self { by_host }) } else { Err(findings) }
    }

    /// Every mirror, each once.
    #[must_use]
    pub fn all(&self) -> Vec<&Mirror> {
        let mut all: Vec<&Mirror> = Vec::new();
        for mirror in self.by_host.values() {
            if !all.contains(&mirror) {
                all.push(mirror);
            }
        }
        all
    }

    /// The mirror of an image, if any. Registries of this machine have none unless they are named: `*` means the registries outside.
    #[must_use]
    pub fn resolve(&self, image: &ImageRef) -> Option<&Mirror> {
        self.of_registry(&image.registry)
    }

    /// What Helm is told for a chart reference `oci://host/path`; without a mirror, the reference itself.
    #[must_use]
    pub fn resolve_chart(&self, reference: &str) -> ChartSource {
        let unchanged = |plain_http| ChartSource { reference: reference.to_owned(), plain_http };
        let Some((host, path)) = reference.strip_prefix("oci://").and_then(|rest| rest.split_once('/')) else { return unchanged(false) };
        match self.of_registry(host) {
            Some(mirror) => {
                ChartSource { reference: format!("oci://{}/{}", mirror.host, mirror.path(path)), plain_http: mirror.plain_http }
            }
            None => unchanged(is_loopback_with_port(host)),
        }
    }

    fn of_registry(&self, registry: &str) -> Option<&Mirror> {
        let named = self.by_host.get(canonical(registry));
        named.or_else(|| self.by_host.get("*").filter(|mirror| mirror.host != registry && !is_loopback_with_port(registry)))
    }
}

fn is_loopback_with_port(host: &str) -> bool {
    host.parse::<http::uri::Authority>().is_ok_and(|authority| is_loopback(authority.host()))
}

/// Docker Hub has three hosts for one registry.
fn canonical(host: &str) -> &str {
    if ["registry-1.docker.io", "index.docker.io"].contains(&host) { "docker.io" } else { host }
}

/// What a mirror says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// It has the image, with this digest (`sha256:…`).
    Digest(String),
    /// It is a registry and does not have the image.
    Absent,
    /// It was not asked, since it speaks https (see [`probe`]).
    NotAsked,
}

/// Makes sure that a mirror answers as a registry does. That a connection is accepted proves nothing: proxies and captive portals accept
/// every connection. A registry answers `GET /v2/` with 200 or 401, and says what it is in a header or with an empty JSON object.
///
/// Mirrors on https are not asked: the engine and Helm bring their own trust (company authorities) and credentials, and what they say when
/// they pull is the truth; another client's answer might not be. Returns whether it was asked.
///
/// # Errors
/// A preflight failure when nothing listens, or something answers that is not a registry.
pub async fn probe(mirror: &Mirror) -> Result<bool, Failure> {
    if !mirror.plain_http {
        return Ok(false);
    }
    let answer = ask(mirror, Method::GET, "/v2/", "application/json").await?;
    let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
    match status {
        _ if is_registry(status, headers, body) => Ok(true),
        // a mirror that wants a login is a mirror: the engine may have one
        StatusCode::UNAUTHORIZED if headers.contains_key("www-authenticate") => Ok(true),
        _ => Err(Failure::preflight(format!("{mirror} is not a container registry"))
            .why(format!("GET /v2/ was answered with {status}{}", excerpt(body)))
            .hint("Correct the mirror's address, or start the registry there.")),
    }
}

/// The digest of the manifest that a mirror has for an image's digest or tag. Call [`probe`] first: anything can answer 404.
///
/// # Errors
/// A preflight failure when the mirror does not answer, wants a login, or answers with neither yes nor no.
pub async fn manifest_digest(mirror: &Mirror, image: &ImageRef) -> Result<Served, Failure> {
    if !mirror.plain_http {
        return Ok(Served::NotAsked);
    }
    let there = mirror.image(image);
    // the tag first: what is asked is what the tag leads to, to be compared with the digest that is pinned
    let reference = there.tag.as_deref().or(there.digest.as_deref()).unwrap_or("latest");
    let path = format!("/v2/{}/manifests/{reference}", there.path);
    let head = ask(mirror, Method::HEAD, &path, MANIFESTS).await?;
    match head.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(Served::Absent),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(Failure::preflight(format!("{mirror} does not let us see {there}"))
                .why(format!("HEAD {path} was answered with {}", head.status()))
                .hint(format!(
                    "Use a mirror that needs no login, or pull by hand: `docker login {}`, then `docker pull {there}`.",
                    mirror.host
                )));
        }
        status => {
            return Err(Failure::preflight(format!("{mirror} cannot say whether it has {there}"))
                .why(format!("HEAD {path} was answered with {status}")));
        }
    }
    if let Some(digest) = head.headers().get("docker-content-digest").and_then(|value| value.to_str().ok()) {
        return Ok(Served::Digest(digest.to_owned()));
    }
    // the header is optional in the specification
    let body = ask(mirror, Method::GET, &path, MANIFESTS).await?.into_body();
    let digest = Sha256::digest(&body).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    Ok(Served::Digest(digest))
}

/// Whether images can be had: whether the registry of this one, or the mirror that is set for it, is there and answers as one, within seconds.
/// Whether it has this image is not asked.
///
/// A mirror on https that shows a certificate which we do not know counts as there: the engine may trust it (see [`probe`]).
///
/// # Errors
/// Why not, as a sentence that names the address.
pub async fn reachable(image: &ImageRef, mirrors: &Mirrors) -> Result<(), String> {
    let mirror = mirrors.resolve(image);
    let origin = repository::origin(image, mirror);
    let asked = async {
        let answer = client::send(Method::GET, &format!("{origin}/v2/"), "application/json", None).await?;
        let (status, headers) = (answer.status, answer.headers.clone());
        Ok((status, headers, answer.bytes(MOST).await?))
    };
    match timeout(AT_ONCE, asked).await {
        Ok(Ok((status, headers, body))) if is_registry(status, &headers, &body) => Ok(()),
        Ok(Ok((status, _, body))) => {
            Err(format!("{origin} is not a container registry: GET /v2/ was answered with {status}{}", excerpt(&body)))
        }
        Ok(Err(client::Unanswered::Untrusted(_))) if mirror.is_some() => Ok(()),
        Ok(Err(why)) => Err(format!("{origin} does not answer: {why}")),
        Err(_) => Err(format!("{origin} does not answer within {} s", AT_ONCE.as_secs())),
    }
}

/// A registry answers `GET /v2/` with what it is in a header, with an empty object, or with the wish for a token. Anything else is a proxy,
/// a portal or another server.
fn is_registry(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    let named = headers.contains_key("docker-distribution-api-version");
    let empty_object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok_and(|object| object.is_empty());
    let wants_token = headers.get("www-authenticate").is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    (status == StatusCode::OK && (named || empty_object)) || (status == StatusCode::UNAUTHORIZED && (named || wants_token))
}

/// One request to a registry on this machine.
async fn ask(mirror: &Mirror, method: Method, path: &str, accept: &str) -> Result<Response<Bytes>, Failure> {
    let fail = |why: String| {
        Failure::preflight(format!("the mirror {mirror} does not answer"))
            .why(format!("{method} {path}: {why}"))
            .hint("Start the registry there, or correct the mirror's address.")
    };
    let exchange = async {
        let answer = client::send(method.clone(), &format!("http://{}{path}", mirror.host), accept, None).await?;
        let mut response = Response::new(Bytes::new());
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers.clone());
        *response.body_mut() = answer.bytes(MOST).await?;
        Ok::<_, client::Unanswered>(response)
    };
    match timeout(PATIENCE, exchange).await {
        Ok(answer) => answer.map_err(|e| fail(e.to_string())),
        Err(_) => Err(fail(format!("no answer in {} s", PATIENCE.as_secs()))),
    }
}

/// The start of a body, for an error message.
fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::engine::scripted::serve;
    use super::super::http::testing::{Authority, Reply, Server, at_once};
    use super::*;

    fn mirrors(entries: &[(&str, &str)]) -> Result<Mirrors, Vec<String>> {
        Mirrors::parse(&entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn image(text: &str) -> ImageRef {
        ImageRef::parse(text).unwrap()
    }

    /// A registry that gives each request (method and path) its answer.
    async fn registry(answer: fn(&str) -> String) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer));
            }
        });
        Mirror::parse(&format!("http://{address}")).unwrap()
    }

    #[test]
    fn an_image_is_fetched_from_the_mirror_of_its_registry_or_of_all() {
        let set = mirrors(&[("docker.io", "https://hub.example.com/proxy/"), ("*", "http://127.0.0.1:5000")]).unwrap();
        let at = |text: &str| set.resolve(&image(text)).map(|m| m.image(&image(text)).to_string());
        assert_eq!(at("nginx:1").unwrap(), "hub.example.com/proxy/library/nginx:1");
        assert_eq!(at("quay.io/jetstack/x:1").unwrap(), "127.0.0.1:5000/jetstack/x:1");
        assert_eq!(at("127.0.0.1:5000/x:1"), None);
        assert_eq!(at("localhost/tstack/task-api:1"), None);
        assert_eq!(set.all().len(), 2);
        assert_eq!(Mirrors::default().resolve(&image("nginx")), None);
    }

    #[test]
    fn the_hosts_of_docker_hub_are_one_registry() {
        let set = mirrors(&[("registry-1.docker.io", "http://127.0.0.1:5000")]).unwrap();
        assert!(set.resolve(&image("docker.io/a/b:1")).is_some());
    }

    #[test]
    fn a_chart_comes_from_the_mirror_with_plain_http_where_it_has_no_tls() {
        let set = mirrors(&[("*", "http://127.0.0.1:5000"), ("ghcr.io", "https://m.example.com/ghcr")]).unwrap();
        let chart = |text: &str| {
            let source = set.resolve_chart(text);
            (source.reference, source.plain_http)
        };
        assert_eq!(chart("oci://docker.io/envoyproxy/gateway-helm"), ("oci://127.0.0.1:5000/envoyproxy/gateway-helm".into(), true));
        assert_eq!(chart("oci://ghcr.io/kedacore/charts/keda"), ("oci://m.example.com/ghcr/kedacore/charts/keda".into(), false));
        assert_eq!(chart("oci://127.0.0.1:5001/x"), ("oci://127.0.0.1:5001/x".into(), true));
        assert_eq!(chart("./chart"), ("./chart".into(), false));
    }

    #[test]
    fn wrong_mirrors_are_all_named_at_once() {
        let findings = mirrors(&[
            ("a.io", "127.0.0.1:5000"),
            ("b.io", "http://mirror.example.com"),
            ("c.io", "https://"),
            ("d.io/x", "https://m.example.com"),
            ("e.io", "https://user:pw@m.example.com"),
            ("f.io", "https://m.example.com/Upper"),
            ("g.io", "http://[::1]:5000"),
        ])
        .unwrap_err();
        let whys = ["starts with neither", "http without TLS", "has no host", "not the host of a registry", "holds no user", "cannot have"];
        assert_eq!(findings.len(), whys.len(), "{findings:#?}");
        for why in whys {
            assert!(findings.iter().any(|f| f.contains(why)), "{why}: {findings:#?}");
        }
        assert!(!findings.concat().contains("pw"), "{findings:#?}");
    }

    #[tokio::test]
    async fn a_registry_is_known_by_its_answer() {
        let by_header =
            registry(|_| "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\ncontent-length: 0\r\n\r\n".into()).await;
        assert_eq!(probe(&by_header).await, Ok(true));
        let by_body = registry(|_| "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into()).await;
        assert_eq!(probe(&by_body).await, Ok(true));
        let with_login = registry(|_| "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\ncontent-length: 0\r\n\r\n".into()).await;
        assert_eq!(probe(&with_login).await, Ok(true));
        assert_eq!(probe(&Mirror::parse("https://m.example.com").unwrap()).await, Ok(false));
    }

    #[tokio::test]
    async fn something_that_answers_404_or_a_page_is_not_a_registry() {
        let nothing = registry(|_| "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found".into()).await;
        let failure = probe(&nothing).await.unwrap_err();
        assert_eq!(failure.what, format!("{nothing} is not a container registry"));
        assert_eq!(failure.why, ["GET /v2/ was answered with 404 Not Found: not found"]);
        let page = registry(|_| "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".into()).await;
        assert!(probe(&page).await.is_err());
    }

    #[tokio::test]
    async fn a_port_without_listener_is_told_with_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let failure = probe(&Mirror::parse(&format!("http://{address}")).unwrap()).await.unwrap_err();
        assert_eq!(failure.what, format!("the mirror http://{address} does not answer"));
        assert!(failure.why[0].contains(&format!("cannot connect to {address}: Connection refused")), "{failure:?}");
    }

    async fn reached(at: &Mirror) -> Result<(), String> {
        let set = mirrors(&[("*", &at.to_string())]).unwrap();
        reachable(&image("quay.io/a/b:1"), &set).await.map_err(|why| why.replace(&at.to_string(), "MIRROR").replace(&at.host, "HOST"))
    }

    #[tokio::test]
    async fn images_can_be_had_where_something_answers_as_a_registry() {
        for answer in [
            (|_| "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\ncontent-length: 0\r\n\r\n".into())
                as fn(&str) -> String,
            |_| "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into(),
            |_| "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"\r\ncontent-length: 0\r\n\r\n".into(),
        ] {
            assert_eq!(reached(&registry(answer).await).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn images_cannot_be_had_from_a_portal_or_a_port_that_only_takes_connections() {
        let portal = registry(|_| "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".into()).await;
        let why = "MIRROR is not a container registry: GET /v2/ was answered with 200 OK: <html>";
        assert_eq!(reached(&portal).await, Err(why.to_owned()));
        let login = registry(|_| "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\ncontent-length: 0\r\n\r\n".into()).await;
        let why = "MIRROR is not a container registry: GET /v2/ was answered with 401 Unauthorized";
        assert_eq!(reached(&login).await, Err(why.to_owned()));
        let closed = registry(|_| String::new()).await;
        let why = "MIRROR does not answer: connection closed before message completed";
        assert_eq!(reached(&closed).await, Err(why.to_owned()));
    }

    #[tokio::test]
    async fn a_mirror_with_a_certificate_that_only_the_engine_may_know_counts_as_there() {
        let theirs = Authority::new("a company");
        let server = Server::start_tls(at_once(|_| Reply::new(200, "{}")), theirs.leaf(&["127.0.0.1"])).await;
        assert_eq!(reached(&Mirror::parse(&server.url("")).unwrap()).await, Ok(()));
        let unasked = client::send(Method::GET, &server.url("/v2/"), "*/*", None).await;
        assert!(matches!(&unasked, Err(client::Unanswered::Untrusted(why)) if why.contains("UnknownIssuer")), "no answer of it was read");
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_says_nothing_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = Mirror::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        assert_eq!(reached(&silent).await, Err("MIRROR does not answer within 6 s".to_owned()));
    }

    #[test]
    fn without_a_mirror_a_registry_is_asked_at_its_own_host() {
        let at = |text: &str| repository::origin(&image(text), None);
        assert_eq!(at("nginx:1"), "https://registry-1.docker.io");
        assert_eq!(at("quay.io/a/b:1"), "https://quay.io");
        assert_eq!(at("127.0.0.1:5000/a:1"), "http://127.0.0.1:5000");
    }

    #[tokio::test]
    async fn the_digest_of_a_tag_comes_from_the_header_or_the_manifest_itself() {
        let mirror = registry(|request| match request {
            "HEAD /v2/a/b/manifests/1" => "HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:12\r\ncontent-length: 5\r\n\r\n".into(),
            "HEAD /v2/a/c/manifests/1" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n".into(),
            "GET /v2/a/c/manifests/1" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into(),
            "HEAD /v2/a/private/manifests/1" => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".into(),
            "HEAD /v2/a/broken/manifests/1" => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".into(),
            _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
        })
        .await;
        let ask = async |name: &str| manifest_digest(&mirror, &image(&format!("quay.io/a/{name}:1"))).await;
        assert_eq!(ask("b").await, Ok(Served::Digest("sha256:12".into())));
        // sha256 of `{}`
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(ask("c").await, Ok(Served::Digest(empty.into())));
        assert_eq!(ask("gone").await, Ok(Served::Absent));
        let refused = ask("private").await.unwrap_err();
        assert!(refused.what.contains("does not let us see") && refused.hints[0].contains("docker login"), "{refused:?}");
        assert!(ask("broken").await.unwrap_err().what.contains("cannot say whether it has"));
    }
}
