//! Finding the engine.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::Engine;
use super::error::text_of;
use crate::failure::Failure;

/// How long an engine may take to say its version; one that starts up accepts connections and stays silent.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest time to the first byte of an answer. `save` writes whole images to disk before it sends one; steps have deadlines of their own.
const FIRST_BYTE_SECONDS: u64 = 30 * 60;

/// The API of Docker 20.10.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// What came of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Attempt {
    /// There is no socket, which says that this engine is not installed or not started.
    NoSocket,
    /// There is a socket and nobody behind it.
    Refused(String),
    /// There is a socket that is not for this user.
    Denied,
    /// Somebody answers, but not as an engine.
    NotAnEngine(String),
    /// It does not answer in time.
    Silent,
    /// An engine before Docker 20.10, with its API version.
    TooOld(String),
}

/// The addresses where engines listen when nothing is configured, in the order in which they are tried: Docker itself, Docker Desktop,
/// rootless Docker, Colima, `OrbStack`, Rancher Desktop, Podman.
#[must_use]
pub fn default_addresses(home: Option<&Path>, runtime_dir: Option<&Path>) -> Vec<String> {
    if cfg!(windows) {
        return vec!["npipe:////./pipe/docker_engine".to_owned()];
    }
    let mut all = vec!["unix:///var/run/docker.sock".to_owned()];
    let mut below = |folder: Option<&Path>, names: &[&str]| {
        if let Some(folder) = folder {
            all.extend(names.iter().map(|name| format!("unix://{}", folder.join(name).display())));
        }
    };
    below(home, &[".docker/run/docker.sock", ".docker/desktop/docker.sock"]);
    below(runtime_dir, &["docker.sock"]);
    below(home, &[".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock"]);
    below(runtime_dir, &["podman/podman.sock"]);
    all.push("unix:///run/podman/podman.sock".to_owned());
    all
}

impl Engine {
    /// Connects to the engine at `host` (`DOCKER_HOST`, or the endpoint of a Docker context), or else to the first of `candidates` that answers as
    /// one, and agrees with it on the version of the API.
    ///
    /// # Errors
    /// A preflight failure that names every address that was tried, what came of it, and how to start an engine here.
    pub async fn connect(host: Option<&str>, candidates: &[String]) -> Result<Self, Failure> {
        let given: Vec<String> = host.into_iter().filter(|h| !h.is_empty()).map(str::to_owned).collect();
        if let Some(far) = given.iter().find(|h| !h.starts_with("unix://") && !h.starts_with("npipe://")) {
            return Err(remote(far));
        }
        let addresses = if given.is_empty() { candidates } else { &given };
        let mut attempts = Vec::new();
        for address in addresses {
            match Self::at(address).await {
                Ok(engine) => return Ok(engine),
                Err(attempt) => attempts.push((address.clone(), attempt)),
            }
        }
        Err(no_engine(&attempts, std::env::consts::OS, host.is_some()))
    }

    /// Connects to the engine at one address.
    async fn at(address: &str) -> Result<Self, Attempt> {
        // bollard tells a missing socket, a refused connection and missing rights only in words
        #[cfg(unix)]
        tokio::net::UnixStream::connect(address.trim_start_matches("unix://")).await.map_err(|e| match e.kind() {
            ErrorKind::NotFound => Attempt::NoSocket,
            ErrorKind::PermissionDenied => Attempt::Denied,
            _ => Attempt::Refused(e.to_string()),
        })?;
        let docker = Docker::connect_with_local(address, FIRST_BYTE_SECONDS, API_DEFAULT_VERSION).map_err(|e| match &e {
            bollard::errors::Error::SocketNotFoundError(_) => Attempt::NoSocket,
            bollard::errors::Error::IOError { err } if err.kind() == ErrorKind::PermissionDenied => Attempt::Denied,
            _ => Attempt::Refused(text_of(&e)),
        })?;
        let docker = match tokio::time::timeout(PATIENCE, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(e)) => return Err(Attempt::NotAnEngine(text_of(&e))),
            Err(_) => return Err(Attempt::Silent),
        };
        let version = docker.client_version();
        if version < OLDEST {
            return Err(Attempt::TooOld(version.to_string()));
        }
        // bollard agrees on a version and then leaves it out of its paths, so that a newer engine would answer in shapes that it cannot read
        let docker = docker.with_request_modifier(move |request| versioned(request, &version.to_string()));
        Ok(Self { docker, address: address.to_owned() })
    }
}

/// The request with the version of the API in its path.
fn versioned<B>(request: http::Request<B>, version: &str) -> http::Request<B> {
    let (mut head, body) = request.into_parts();
    let mut parts = head.uri.clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", http::uri::PathAndQuery::as_str);
    parts.path_and_query = format!("/v{version}{path}").parse().ok();
    // a path that was valid stays so
    if let Ok(uri) = http::Uri::from_parts(parts) {
        head.uri = uri;
    }
    http::Request::from_parts(head, body)
}

/// Why an engine elsewhere is not used.
fn remote(address: &str) -> Failure {
    Failure::preflight(format!("the container engine at {address} is not used"))
        .why(
            "DOCKER_HOST or the current Docker context points to an engine that is reached over the network: \
              the ports of a cluster there would not be on this machine's 127.0.0.1",
        )
        .hint("Unset DOCKER_HOST or choose a local context with `docker context use default`, or run tstack on that machine.")
}

/// The failure after every address was tried; the most telling attempt is its subject.
fn no_engine(attempts: &[(String, Attempt)], os: &str, given: bool) -> Failure {
    let rank = |attempt: &Attempt| match attempt {
        Attempt::TooOld(_) => 0,
        Attempt::Denied => 1,
        Attempt::Silent => 2,
        Attempt::NotAnEngine(_) => 3,
        Attempt::Refused(_) => 4,
        Attempt::NoSocket => 5,
    };
    let start = match os {
        "linux" => "Start it with `sudo systemctl start docker`, or install one: https://docs.docker.com/engine/install/",
        "macos" => "Start Docker Desktop with `open -a Docker`, or Colima with `colima start`.",
        _ => "Start Docker Desktop.",
    };
    let Some((address, worst)) = attempts.iter().min_by_key(|(_, attempt)| rank(attempt)) else {
        return Failure::preflight("no container engine is configured").hint(start);
    };
    let mut failure = match worst {
        Attempt::TooOld(version) => Failure::preflight(format!("the container engine at {address} is too old"))
            .why(format!("it speaks API version {version}; tstack needs 1.41, which came with Docker 20.10"))
            .hint("Update Docker."),
        Attempt::Denied => Failure::preflight(format!("you may not use the container engine at {address}"))
            .hint("Add yourself to the group of the socket with `sudo usermod -aG docker $USER`, then log out and in again.")
            .hint("Or use rootless Docker: https://docs.docker.com/engine/security/rootless/"),
        Attempt::Silent => Failure::preflight(format!("the container engine at {address} does not answer"))
            .why(format!("it accepted the connection and said nothing for {} s; it may still be starting", PATIENCE.as_secs()))
            .hint("Try again when `docker version` answers, or restart the engine."),
        Attempt::NotAnEngine(_) => Failure::preflight(format!("what answers at {address} is not a container engine"))
            .hint("Correct DOCKER_HOST or the Docker context.")
            .hint(start),
        Attempt::Refused(_) | Attempt::NoSocket => Failure::preflight("no container engine is running").hint(start),
    };
    for (address, attempt) in attempts {
        failure = failure.why(match attempt {
            Attempt::NoSocket => format!("{address}: no such socket"),
            Attempt::Denied => format!("{address}: permission denied"),
            Attempt::Refused(why) | Attempt::NotAnEngine(why) => format!("{address}: {why}"),
            Attempt::Silent => format!("{address}: no answer"),
            Attempt::TooOld(version) => format!("{address}: API version {version}"),
        });
    }
    if given && matches!(worst, Attempt::Refused(_) | Attempt::NoSocket) {
        failure = failure.hint("The address comes from DOCKER_HOST or the current Docker context; correct it where it is wrong.");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    #[tokio::test]
    async fn the_version_of_the_api_is_agreed_on() {
        let fake = Scripted::start(|_| Scripted::json(200, r#"{"ApiVersion":"1.41","Version":"20.10.24"}"#));
        let engine = Engine::connect(Some(&fake.address), &[]).await.unwrap();
        assert_eq!(engine.docker.client_version(), OLDEST);
        assert_eq!(engine.address(), fake.address);
    }

    #[tokio::test]
    async fn the_first_candidate_that_answers_is_taken() {
        let fake = Scripted::start(|_| Scripted::json(200, r#"{"ApiVersion":"1.45"}"#));
        let engine = Engine::connect(None, &addresses(&["unix:///nonexistent/docker.sock", &fake.address])).await.unwrap();
        assert_eq!(engine.address(), fake.address);
    }

    #[tokio::test]
    async fn a_server_that_is_not_docker_is_told_as_such() {
        let fake = Scripted::start(|_| Scripted::json(404, "no"));
        let failure = Engine::connect(Some(&fake.address), &[]).await.unwrap_err();
        assert_eq!(failure.what, format!("what answers at {} is not a container engine", fake.address));
        let fake = Scripted::start(|_| Scripted::json(200, r#"{"hello":"world"}"#));
        let failure = Engine::connect(Some(&fake.address), &[]).await.unwrap_err();
        assert!(failure.why[0].contains("Failed to parse API version"), "{failure:?}");
    }

    #[tokio::test]
    async fn an_engine_before_20_10_is_refused() {
        let fake = Scripted::start(|_| Scripted::json(200, r#"{"ApiVersion":"1.40"}"#));
        let failure = Engine::connect(Some(&fake.address), &[]).await.unwrap_err();
        assert!(failure.why[0].contains("API version 1.40") && failure.what.contains("too old"), "{failure:?}");
    }

    #[tokio::test]
    async fn without_an_engine_every_address_that_was_tried_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let dead = format!("unix://{}", dead.display());
        let failure = Engine::connect(None, &addresses(&["unix:///nonexistent/docker.sock", &dead])).await.unwrap_err();
        assert_eq!(failure.what, "no container engine is running");
        assert_eq!(failure.why[0], "unix:///nonexistent/docker.sock: no such socket");
        assert!(failure.why[1].contains("Connection refused"), "{failure:?}");
        assert_eq!(failure.kind.exit_code(), 3);
    }

    #[tokio::test]
    async fn an_engine_over_the_network_is_not_used_and_the_reason_is_said() {
        let failure = Engine::connect(Some("tcp://10.0.0.1:2375"), &[]).await.unwrap_err();
        assert_eq!(failure.what, "the container engine at tcp://10.0.0.1:2375 is not used");
    }

    #[test]
    fn a_denied_socket_matters_more_than_those_that_are_not_there() {
        let attempts = [("unix:///a".to_owned(), Attempt::NoSocket), ("unix:///b".to_owned(), Attempt::Denied)];
        let failure = no_engine(&attempts, "linux", false);
        assert_eq!(failure.what, "you may not use the container engine at unix:///b");
        assert!(failure.hints[0].contains("usermod -aG docker"), "{failure:?}");
    }

    #[test]
    fn the_remedy_is_that_of_the_system() {
        let attempts = [("unix:///a".to_owned(), Attempt::NoSocket)];
        for (os, remedy) in [("linux", "systemctl start docker"), ("macos", "open -a Docker"), ("windows", "Start Docker Desktop")] {
            assert!(no_engine(&attempts, os, false).hints[0].contains(remedy), "{os}");
        }
        assert!(no_engine(&attempts, "linux", true).hints[1].contains("DOCKER_HOST"));
        assert_eq!(no_engine(&[], "linux", false).what, "no container engine is configured");
    }

    #[cfg(unix)]
    #[test]
    fn the_usual_places_are_tried_with_docker_first() {
        let all = default_addresses(Some(Path::new("/home/a")), Some(Path::new("/run/user/1")));
        assert_eq!(all[0], "unix:///var/run/docker.sock");
        assert!(all.contains(&"unix:///home/a/.colima/default/docker.sock".to_owned()));
        assert!(all.contains(&"unix:///run/user/1/podman/podman.sock".to_owned()));
        assert_eq!(default_addresses(None, None).len(), 2);
    }
}
