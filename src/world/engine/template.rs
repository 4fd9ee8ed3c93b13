//! A node as its maker made it, to make another one in the same way.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, Ipam, NetworkCreateRequest, PortBinding};
use bollard::query_parameters::{CreateContainerOptionsBuilder, InspectContainerOptions, InspectNetworkOptions};
use serde::{Deserialize, Serialize};

use super::error::failure;
use super::{Container, Engine};
use crate::failure::Failure;
use crate::world::kind::PATCHES;

/// The port of the API server in a node.
const API_SERVER: u16 = 6443;
/// The only address to which ports are bound.
const LOOPBACK: &str = "127.0.0.1";

/// Everything that was said when the container of a node and its network were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeTemplate {
    container: ContainerCreateBody,
    pub(super) network: NetworkCreateRequest,
}

/// What is another in each node that is made from a template.
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its image.
    pub image: &'a str,
    /// The mount that marks the template's node, and the one that is to mark this one.
    pub marks: (&'a str, &'a str),
    /// Host port and node port.
    pub ports: &'a [(u16, u16)],
    /// The host port of the API server.
    pub api_server: u16,
}

impl NodeTemplate {
    fn of_container(&self, new: NewNode<'_>) -> ContainerCreateBody {
        let mut body = self.container.clone();
        body.image = Some(new.image.to_owned());
        let host = body.host_config.get_or_insert_default();
        for bind in host.binds.iter_mut().flatten() {
            *bind = bind.replace(new.marks.0, new.marks.1);
        }
        // what kubeadm read once; the engine would make the folder anew where it is gone
        if let Some(binds) = &mut host.binds {
            binds.retain(|bind| !bind.contains(PATCHES));
        }
        let ports = new.ports.iter().copied().chain([(new.api_server, API_SERVER)]);
        let binding = |host: u16| PortBinding { host_ip: Some(LOOPBACK.to_owned()), host_port: Some(host.to_string()) };
        host.port_bindings = Some(ports.clone().map(|(host, node)| (format!("{node}/tcp"), Some(vec![binding(host)]))).collect());
        body.exposed_ports = Some(ports.map(|(_, node)| format!("{node}/tcp")).collect());
        body
    }
}

impl Engine {
    /// How a node and its network were made.
    ///
    /// # Errors
    /// When one is not there, or the engine does not answer.
    pub async fn node_template(&self, node: &str, network: &str) -> Result<NodeTemplate, Failure> {
        let what = |e| failure(format!("cannot tell how the node {node} was made"), &e);
        let made = self.docker.inspect_container(node, None::<InspectContainerOptions>).await.map_err(what)?;
        let net = self.docker.inspect_network(network, None::<InspectNetworkOptions>).await.map_err(what)?;
        let config = made.config.unwrap_or_default();
        // those of its image come with the image
        let kinds = |name: &String| [Container::KIND_CLUSTER, Container::KIND_ROLE].contains(&name.as_str());
        let labels: HashMap<String, String> = config.labels.unwrap_or_default().into_iter().filter(|(name, _)| kinds(name)).collect();
        let container = ContainerCreateBody {
            hostname: config.hostname,
            env: config.env,
            tty: config.tty,
            volumes: config.volumes,
            labels: Some(labels),
            host_config: made.host_config,
            ..ContainerCreateBody::default()
        };
        // addresses of IPv4 are the engine's choice, those of IPv6 were its maker's
        let six = |pool: &bollard::models::IpamConfig| pool.subnet.as_ref().is_some_and(|subnet| subnet.contains(':'));
        let pools = net.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let pools: Vec<_> = pools.into_iter().filter(six).collect();
        let network = NetworkCreateRequest {
            name: network.to_owned(),
            driver: net.driver,
            enable_ipv6: net.enable_ipv6,
            options: net.options,
            ipam: (!pools.is_empty()).then(|| Ipam { config: Some(pools), ..Ipam::default() }),
            ..NetworkCreateRequest::default()
        };
        Ok(NodeTemplate { container, network })
    }

    /// Makes a node from a template, and does not start it. Gives its id.
    ///
    /// # Errors
    /// When the image is not there, the name is taken, or the engine refuses.
    pub async fn make_node(&self, template: &NodeTemplate, new: NewNode<'_>) -> Result<String, Failure> {
        let options = CreateContainerOptionsBuilder::default().name(new.name).build();
        let made = self.docker.create_container(Some(options), template.of_container(new)).await;
        made.map(|made| made.id).map_err(|e| failure(format!("cannot make the node {}", new.name), &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_its_own_mark_and_ports_and_all_else_of_the_template() {
        let container = serde_json::json!({
            "Hostname": "x-control-plane", "Tty": true, "Volumes": {"/var": {}}, "Labels": {"io.x-k8s.kind.cluster": "x"},
            "HostConfig": {"Privileged": true, "Binds": ["/lib/modules:/lib/modules:ro", "/lib/modules:/m/old:ro", "/state/x/kubeadm:/tstack.dev/kubeadm:ro"],
                           "PortBindings": {"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40000"}]}},
        });
        let template = serde_json::json!({"container": container, "network": {"Name": "kind"}});
        let template: NodeTemplate = serde_json::from_value(template).unwrap();
        let new =
            NewNode { name: "x-control-plane", image: "s:1", marks: ("/m/old", "/m/new"), ports: &[(8080, 30080)], api_server: 41000 };
        let body = template.of_container(new);
        let host = body.host_config.unwrap();
        assert_eq!(host.binds.unwrap(), ["/lib/modules:/lib/modules:ro", "/lib/modules:/m/new:ro"]);
        assert_eq!((host.privileged, body.hostname.as_deref(), body.image.as_deref()), (Some(true), Some("x-control-plane"), Some("s:1")));
        let ports = host.port_bindings.unwrap();
        let bound = |port: &str| ports[port].clone().unwrap().remove(0);
        assert_eq!(bound("6443/tcp").host_port.as_deref(), Some("41000"));
        assert_eq!((bound("30080/tcp").host_ip.as_deref(), bound("30080/tcp").host_port.as_deref()), (Some("127.0.0.1"), Some("8080")));
        assert_eq!(ports.len(), 2);
    }
}
