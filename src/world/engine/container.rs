//! Containers.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::EndpointSettings;
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use futures::{Stream, StreamExt as _};

use super::Engine;
use super::error::{failure, found};
use crate::failure::Failure;

/// What a container is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It ran and ended.
    Exited,
    /// It has not run yet.
    Created,
    /// Anything else, in the engine's word: `restarting`, `removing`, `dead`; empty when it does not say.
    Other(String),
    /// The engine does not say.
    #[default]
    Unknown,
}

impl State {
    fn of(word: &str) -> Self {
        match word {
            "running" => Self::Running,
            "paused" => Self::Paused,
            "exited" => Self::Exited,
            "created" => Self::Created,
            "" => Self::Unknown,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A container, as lists have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The whole id.
    pub id: String,
    /// The name without a slash before it.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The image that it was made from, as it was named then.
    pub image: String,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
    /// The ports of this machine that lead into it; none while it does not run.
    pub ports: Vec<PublishedPort>,
    /// Where something is mounted in it; known from its first instant to its last.
    pub mounts: Vec<String>,
    /// Where it is on the engine's networks; nowhere while it does not run.
    pub addresses: Vec<Attached>,
}

/// A container's place on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its address there.
    pub address: IpAddr,
    /// The address of the engine's own machine on that network, where it has one.
    pub gateway: Option<IpAddr>,
}

/// A port of the host that leads into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    /// The host's address: `127.0.0.1`, or `0.0.0.0` for all.
    pub host_ip: String,
    /// The host's port.
    pub host_port: u16,
    /// The container's port.
    pub container_port: u16,
}

impl Container {
    /// The label with the name of the kind cluster.
    pub const KIND_CLUSTER: &str = "io.x-k8s.kind.cluster";
    /// The label with the role in the kind cluster: `control-plane`, `worker`, `external-load-balancer`.
    pub const KIND_ROLE: &str = "io.x-k8s.kind.role";

    /// The kind cluster that it is a node of.
    #[must_use]
    pub fn kind_cluster(&self) -> Option<&str> {
        self.labels.get(Self::KIND_CLUSTER).map(String::as_str)
    }

    /// Its role in the kind cluster.
    #[must_use]
    pub fn kind_role(&self) -> Option<&str> {
        self.labels.get(Self::KIND_ROLE).map(String::as_str)
    }
}

/// One container in detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The whole id.
    pub id: String,
    /// The name without a slash before it.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How its process ended, when it has.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// Why it could not start, in the engine's words; empty otherwise.
    pub error: String,
    /// When its process was last started, as the engine writes it; changes with every restart.
    pub started_at: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The image that it was made from, as it was named then.
    pub image: String,
}

impl Engine {
    /// Containers in any state that have all these labels, by name; an empty value asks only for the label.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, Failure> {
        let wanted = label_filters(labels);
        self.list(HashMap::from([("label".to_owned(), wanted)]), "cannot list containers").await
    }

    /// Tells each start of a container that has all these labels, from now on.
    pub fn starts(&self, labels: &[(&str, &str)]) -> impl Stream<Item = Result<(), Failure>> + Send + Unpin + use<> {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), vec!["start".to_owned()]),
            ("label".to_owned(), label_filters(labels)),
        ]);
        let events = self.docker.events(Some(EventsOptionsBuilder::default().filters(&filters).build()));
        events.map(|event| event.map(drop).map_err(|e| failure("cannot hear which containers start", &e))).boxed()
    }

    /// The containers that use a network, in any state.
    pub(super) async fn containers_on(&self, network: &str) -> Result<Vec<Container>, Failure> {
        let what = format!("cannot list the containers on the network {network}");
        self.list(HashMap::from([("network".to_owned(), vec![network.to_owned()])]), &what).await
    }

    async fn list(&self, filters: HashMap<String, Vec<String>>, what: &str) -> Result<Vec<Container>, Failure> {
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let answer = self.docker.list_containers(Some(options)).await.map_err(|e| failure(what, &e))?;
        let mut all: Vec<Container> = answer
            .into_iter()
            .map(|c| {
                let published = |p: bollard::models::PortSummary| {
                    let host_port = p.public_port?;
                    Some(PublishedPort { host_ip: p.ip.unwrap_or_default(), host_port, container_port: p.private_port })
                };
                Container {
                    id: c.id.unwrap_or_default(),
                    name: bare(c.names.unwrap_or_default().first().map_or("", String::as_str)),
                    state: c.state.map_or(State::Unknown, |s| State::of(s.as_ref())),
                    labels: c.labels.unwrap_or_default().into_iter().collect(),
                    image: c.image.unwrap_or_default(),
                    created: c.created.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
                    ports: c.ports.unwrap_or_default().into_iter().filter_map(published).collect(),
                    mounts: c.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.destination).collect(),
                    addresses: c.network_settings.and_then(|s| s.networks).unwrap_or_default().values().flat_map(attached).collect(),
                }
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// A container in detail, by name or id; `None` when there is none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn inspect(&self, container: &str) -> Result<Option<Details>, Failure> {
        let answer = self.docker.inspect_container(container, None::<InspectContainerOptions>).await;
        let Some(c) = found(answer).map_err(|e| failure(format!("cannot inspect the container {container}"), &e))? else {
            return Ok(None);
        };
        let state = c.state.unwrap_or_default();
        let config = c.config.unwrap_or_default();
        let word = state.status.map(|s| s.to_string()).unwrap_or_default();
        let ended = State::of(&word) == State::Exited;
        Ok(Some(Details {
            id: c.id.unwrap_or_default(),
            name: bare(&c.name.unwrap_or_default()),
            state: State::of(&word),
            exit_code: state.exit_code.filter(|_| ended),
            out_of_memory: state.oom_killed.unwrap_or(false),
            error: state.error.unwrap_or_default(),
            started_at: state.started_at.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            image: config.image.unwrap_or_default(),
        }))
    }

    /// Starts a container; one that runs already is left alone.
    ///
    /// # Errors
    /// When it is not there or cannot start, in the engine's words.
    pub async fn start(&self, container: &str) -> Result<(), Failure> {
        let answer = self.docker.start_container(container, None::<StartContainerOptions>).await;
        answer.map_err(|e| failure(format!("cannot start the container {container}"), &e))
    }

    /// Stops a container, killing it after `grace_seconds`; one that does not run is left alone.
    ///
    /// # Errors
    /// When it is not there or does not end.
    pub async fn stop(&self, container: &str, grace_seconds: i32) -> Result<(), Failure> {
        let options = StopContainerOptionsBuilder::default().t(grace_seconds).build();
        let answer = self.docker.stop_container(container, Some(options)).await;
        answer.map_err(|e| failure(format!("cannot stop the container {container}"), &e))
    }

    /// Freezes the processes of a running container.
    ///
    /// # Errors
    /// When it is not there or does not run.
    pub async fn pause(&self, container: &str) -> Result<(), Failure> {
        self.docker.pause_container(container).await.map_err(|e| failure(format!("cannot pause the container {container}"), &e))
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// When it is not there or not frozen.
    pub async fn unpause(&self, container: &str) -> Result<(), Failure> {
        self.docker.unpause_container(container).await.map_err(|e| failure(format!("cannot unpause the container {container}"), &e))
    }
}

/// The places on a network, one of each family; the engine writes nothing where there is none.
fn attached(on: &EndpointSettings) -> Vec<Attached> {
    let address = |text: Option<&String>| text.and_then(|text| text.parse::<IpAddr>().ok());
    let of = |own: Option<&String>, gateway: Option<&String>| address(own).map(|own| Attached { address: own, gateway: address(gateway) });
    let four = of(on.ip_address.as_ref(), on.gateway.as_ref());
    four.into_iter().chain(of(on.global_ipv6_address.as_ref(), on.ipv6_gateway.as_ref())).collect()
}

/// Labels as the engine's filters have them.
pub(super) fn label_filters(labels: &[(&str, &str)]) -> Vec<String> {
    labels.iter().map(|(name, value)| if value.is_empty() { (*name).to_owned() } else { format!("{name}={value}") }).collect()
}

/// The engine writes names with a slash before them.
fn bare(name: &str) -> String {
    name.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    async fn engine(fake: &Scripted) -> Engine {
        Engine::connect(Some(&fake.address), &[]).await.unwrap()
    }

    #[tokio::test]
    async fn containers_come_with_labels_state_and_published_ports() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/containers/json" => Scripted::json(
                200,
                r#"[{"Id":"2","Names":["/tstack-worker"],"State":"restarting"},
                    {"Id":"1","Names":["/tstack-control-plane"],"State":"running","Image":"kindest/node:v1.36.4","Created":1767225600,
                     "Labels":{"io.x-k8s.kind.cluster":"tstack","io.x-k8s.kind.role":"control-plane"},
                     "Mounts":[{"Type":"bind","Source":"/lib/modules","Destination":"/lib/modules"}],
                     "NetworkSettings":{"Networks":{"kind":{"IPAddress":"172.18.0.2","Gateway":"172.18.0.1","GlobalIPv6Address":""}}},
                     "Ports":[{"IP":"127.0.0.1","PrivatePort":30080,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":22,"Type":"tcp"}]}]"#,
            ),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let all = engine(&fake).await.containers(&[(Container::KIND_CLUSTER, "tstack")]).await.unwrap();
        let node = &all[0];
        assert_eq!((node.name.as_str(), &node.state), ("tstack-control-plane", &State::Running));
        assert_eq!((node.kind_cluster(), node.kind_role()), (Some("tstack"), Some("control-plane")));
        assert_eq!(node.ports, [PublishedPort { host_ip: "127.0.0.1".into(), host_port: 8080, container_port: 30080 }]);
        assert_eq!(node.mounts, ["/lib/modules"]);
        assert_eq!(node.addresses, [Attached { address: [172, 18, 0, 2].into(), gateway: Some([172, 18, 0, 1].into()) }]);
        assert_eq!(node.created.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(all[1].state, State::Other("restarting".into()));
    }

    #[tokio::test]
    async fn a_container_that_is_not_there_is_none_and_a_broken_engine_is_an_error() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/containers/gone/json" => Scripted::json(404, r#"{"message":"No such container: gone"}"#),
            "GET /v1.41/containers/sick/json" => Scripted::json(500, r#"{"message":"boom"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let engine = engine(&fake).await;
        assert_eq!(engine.inspect("gone").await, Ok(None));
        let failure = engine.inspect("sick").await.unwrap_err();
        assert_eq!((failure.what.as_str(), failure.why[0].as_str()), ("cannot inspect the container sick", "boom"));
    }

    #[test]
    fn a_label_without_value_asks_only_for_the_label() {
        assert_eq!(label_filters(&[("a", ""), ("b", "1")]), ["a", "b=1"]);
    }
}
