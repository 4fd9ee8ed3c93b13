//! Whether a context leads to a cluster of this machine.
//!
//! A kubeconfig holds clusters that must never be written to by a mistyped name. So what counts is the server alone: the name of a context says
//! nothing, since any cluster can be called `kind-dev`.

use std::net::IpAddr;
use std::path::Path;

use crate::failure::Failure;
use crate::world::addresses;
use crate::world::engine::{Container, Engine};
use crate::world::kube::Cluster;

/// Names that the programs which make local clusters give to their contexts.
const USUAL: [&str; 7] = ["kind-", "k3d-", "minikube", "docker-desktop", "rancher-desktop", "colima", "orbstack"];

/// The server that a context leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextServer {
    /// Its address: `https://127.0.0.1:6443`.
    pub url: String,
    /// What shows that it is of this machine; where nothing does, why.
    pub local: Result<String, String>,
}

impl ContextServer {
    /// The sentence that is shown before anything is written there.
    #[must_use]
    pub fn note(&self, context: &str) -> String {
        let how = match &self.local {
            Ok(why) => why.as_str(),
            Err(_) => "not of this machine, and allowed with --allow-remote",
        };
        format!("Cluster: context `{context}` at {}: {how}.", self.url)
    }

    /// Whether it may be asked anything: it is of this machine, the user allows it (`allowed`), or has allowed it before (`before`).
    ///
    /// # Errors
    /// Where it may not, and why.
    pub(super) fn permitted(&self, context: &str, allowed: bool, before: Option<&str>) -> Result<(), Failure> {
        match &self.local {
            Err(why) if !allowed && before != Some(self.url.as_str()) => Err(self.refused(context, why)),
            _ => Ok(()),
        }
    }

    fn refused(&self, context: &str, why: &str) -> Failure {
        let failure = Failure::preflight(format!("the context `{context}` does not look like a cluster of this machine"))
            .why(format!("its server is {}", self.url))
            .why(why);
        let failure = if USUAL.iter().any(|usual| context.starts_with(usual)) {
            failure.why(format!("that it is called `{context}` proves nothing: any context can be called so"))
        } else {
            failure
        };
        failure
            .hint(format!("If it is the one that you mean: `tstack up --context {context} --allow-remote`."))
            .hint("Without --context tstack makes a cluster of its own. That server was asked nothing.")
    }
}

/// The server of a context; it is asked nothing.
///
/// # Errors
/// When the kubeconfig cannot be read, or has no such context.
pub(super) async fn server(kubeconfig: &Path, context: &str, engine: Option<&Engine>) -> Result<ContextServer, Failure> {
    let (url, host) = Cluster::server_of(kubeconfig, context).await?;
    // an engine that does not answer proves nothing
    let containers = match engine {
        Some(engine) => engine.containers(&[]).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(ContextServer { local: locality(&host, addresses::is_own, &containers), url })
}

/// What shows that a host is this machine or a container of its engine; or why nothing does.
fn locality(host: &str, is_own: impl Fn(IpAddr) -> bool, containers: &[Container]) -> Result<String, String> {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let Ok(address) = name.parse::<IpAddr>() else {
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok("this machine".into());
        }
        if name.ends_with(".docker.internal") {
            return Ok("this machine, by the name that Docker gives it".into());
        }
        return Err(format!("`{host}` is no name of this machine, as `localhost` is, and what it leads to may change"));
    };
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return Ok("this machine".into());
    }
    if is_own(address) {
        return Ok("an address of this machine".into());
    }
    // the engine may work in another machine, whose networks have the addresses of others here
    let here = |gateway: Option<IpAddr>| gateway.is_some_and(&is_own);
    let holds = |container: &&Container| container.addresses.iter().any(|at| at.address == address && here(at.gateway));
    match containers.iter().find(holds) {
        Some(container) => Ok(format!("the container {} of this machine", container.name)),
        None => Err(format!("{address} is neither an address of this machine nor of a container on it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::engine::Attached;

    /// A machine at 10.1.2.3 whose engine has a network of its own, and a container there.
    fn judged(host: &str) -> Result<String, String> {
        let own = |address: IpAddr| ["10.1.2.3", "172.18.0.1", "fc00::1"].iter().any(|one| address == one.parse::<IpAddr>().unwrap());
        let at = |address: &str, gateway: Option<&str>| Attached {
            address: address.parse().unwrap(),
            gateway: gateway.map(|text| text.parse().unwrap()),
        };
        let node = Container {
            name: "dev-control-plane".into(),
            addresses: vec![at("172.18.0.2", Some("172.18.0.1")), at("fc00::2", Some("fc00::1")), at("10.9.9.9", None)],
            ..Container::default()
        };
        let elsewhere = Container { name: "vm".into(), addresses: vec![at("192.168.65.3", Some("192.168.65.1"))], ..Container::default() };
        locality(host, own, &[node, elsewhere])
    }

    #[test]
    fn this_machine_is_known_by_its_loopback_its_addresses_and_its_containers() {
        for host in
            ["localhost", "LOCALHOST", "localhost.", "dev.localhost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0"]
        {
            assert_eq!(judged(host), Ok("this machine".into()), "{host}");
        }
        for host in ["host.docker.internal", "kubernetes.docker.internal", "gateway.docker.internal"] {
            assert_eq!(judged(host), Ok("this machine, by the name that Docker gives it".into()), "{host}");
        }
        assert_eq!(judged("10.1.2.3"), Ok("an address of this machine".into()));
        for host in ["172.18.0.2", "fc00::2"] {
            assert_eq!(judged(host), Ok("the container dev-control-plane of this machine".into()), "{host}");
        }
    }

    #[test]
    fn whatever_else_is_not_of_this_machine() {
        for host in [
            "api.prod.example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "notlocalhost",
            "docker.internal",
            "host.docker.internal.example.com",
            "2130706433",
            "",
            // private, as most production clusters are
            "10.0.0.1",
            "192.168.1.10",
            "172.18.0.3",
            "fc00::3",
            // of a container whose network this machine is not on
            "192.168.65.3",
            "10.9.9.9",
            "203.0.113.7",
        ] {
            assert!(judged(host).is_err(), "{host}");
        }
    }

    #[test]
    fn a_refusal_shows_the_server_and_the_way_on() {
        let server = ContextServer { url: "https://10.0.0.1:6443".into(), local: judged("10.0.0.1") };
        let why = server.local.clone().unwrap_err();
        let failure = server.refused("kind-dev", &why);
        assert_eq!(failure.what, "the context `kind-dev` does not look like a cluster of this machine");
        assert_eq!(
            failure.why,
            [
                "its server is https://10.0.0.1:6443",
                "10.0.0.1 is neither an address of this machine nor of a container on it",
                "that it is called `kind-dev` proves nothing: any context can be called so",
            ]
        );
        assert!(failure.hints[0].contains("--context kind-dev --allow-remote"), "{:?}", failure.hints);
    }

    fn kubeconfig(server: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: other\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             contexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{exec: {{command: /nonexistent/login, apiVersion: client.authentication.k8s.io/v1}}}}}}]\n"
        );
        fs_err::write(&path, text).unwrap();
        (folder, path)
    }

    #[tokio::test]
    async fn what_was_allowed_once_is_allowed_for_that_server_alone() {
        let (_folder, path) = kubeconfig("https://me:hunter2@203.0.113.7:6443");
        let found = server(&path, "dev", None).await.unwrap();
        let refused = found.permitted("dev", false, None).unwrap_err();
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        assert!(found.note("dev").contains("https://203.0.113.7:6443: not of this machine"), "{}", found.note("dev"));
        assert_eq!(found.permitted("dev", true, None), Ok(()));
        assert_eq!(found.permitted("dev", false, Some("https://203.0.113.7:6443")), Ok(()));
        assert!(found.permitted("dev", false, Some("https://203.0.113.8:6443")).is_err());
    }

    #[tokio::test]
    async fn a_server_of_this_machine_needs_no_leave_and_is_told() {
        let (_folder, path) = kubeconfig("https://127.0.0.1:6443/");
        let found = server(&path, "dev", None).await.unwrap();
        assert_eq!(found.permitted("dev", false, None), Ok(()));
        assert_eq!(found.note("dev"), "Cluster: context `dev` at https://127.0.0.1:6443: this machine.");
    }
}
