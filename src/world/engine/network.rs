//! Networks and volumes.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder};

use super::container::label_filters;
use super::error::{failure, is_not_found, text_of};
use super::{Engine, NodeTemplate};
use crate::failure::Failure;

/// The network that kind puts its nodes into.
pub const KIND_NETWORK: &str = "kind";
/// The label of a network that tstack made; its value says which: whichever cluster of that tstack made it, the last one takes it away.
const MAKER: &str = "tstack.dev/network";
/// The size of packets, of which kind takes that of the engine's own network.
const MTU: &str = "com.docker.network.driver.mtu";
/// The subnets of IPv6 that kind tries for its network, in turn: each is made of the name `kind` and the number of the try.
const SUBNETS: [&str; 5] = [
    "fc00:f853:ccd:e793::/64",
    "fc00:8866:27d0:bd7e::/64",
    "fc00:ddd9:fcae:c61c::/64",
    "fc00:aa7c:42e1:abd3::/64",
    "fc00:3131:6ea8:d73a::/64",
];

/// A network of containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, as the engine writes it (RFC 3339).
    pub created: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The names of the containers that use it, running or not.
    pub containers: Vec<String>,
}

impl Network {
    /// Whether the tstack with that word made it.
    #[must_use]
    pub fn is_by(&self, maker: &str) -> bool {
        self.labels.get(MAKER).is_some_and(|word| word == maker)
    }
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// The network of that name; `None` when there is none.
    ///
    /// # Errors
    /// When the engine does not answer, or has several networks of that name.
    pub async fn network(&self, name: &str) -> Result<Option<Network>, Failure> {
        let mut same = self.named(name).await?;
        let Some(network) = same.pop() else { return Ok(None) };
        let id = network.id.unwrap_or_default();
        if !same.is_empty() {
            return Err(Failure::step(format!("there are {} networks with the name {name}", same.len() + 1))
                .hint(format!("See `docker network ls --filter name={name}`, and remove those that are empty by their id.")));
        }
        let containers = self.containers_on(&id).await?.into_iter().map(|c| c.name).collect();
        Ok(Some(Network {
            id,
            name: name.to_owned(),
            created: network.created.unwrap_or_default(),
            labels: network.labels.unwrap_or_default().into_iter().collect(),
            containers,
        }))
    }

    /// All networks of that very name; engines before version 23 allow several.
    async fn named(&self, name: &str) -> Result<Vec<bollard::models::Network>, Failure> {
        // by list and not by name: the engine would take the name for the start of an id too
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let all = self.docker.list_networks(Some(options)).await.map_err(|e| failure(format!("cannot look for the network {name}"), &e))?;
        Ok(all.into_iter().filter(|network| network.name.as_deref() == Some(name)).collect())
    }

    /// Makes the network of kind's nodes as kind makes it: a bridge with addresses of IPv6 where the engine has some, and packets of the size
    /// that its own network has; and marked with the word of its maker. That of somebody else who was faster is as good. The caller sees to it
    /// that no other tstack does the same.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn make_kind_network(&self, name: &str, maker: &str) -> Result<(), Failure> {
        let bridge = self.docker.inspect_network("bridge", None::<InspectNetworkOptions>).await.ok();
        let mtu = bridge.and_then(|bridge| bridge.options?.remove(MTU));
        // kind goes on without IPv6, too
        for subnet in SUBNETS.into_iter().map(Some).chain([None]) {
            match self.docker.create_network(kind_network((name, maker), subnet, mtu.as_deref())).await {
                Ok(made) => return self.unless_doubled(name, &made.id).await,
                Err(e) => {
                    let text = text_of(&e);
                    let again = ["overlap", "IPv6", "ipv6", "ip6tables"].iter().any(|word| text.contains(word));
                    if self.network(name).await?.is_some() {
                        return Ok(());
                    }
                    if subnet.is_none() || !again {
                        return Err(failure(format!("cannot make the network {name}"), &e));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a network that we just made away again, where somebody else made one of the same name at the same time and kind would choose
    /// that one: the one with the most containers, and of these that with the lowest id. Engines before version 23 allow two.
    async fn unless_doubled(&self, name: &str, ours: &str) -> Result<(), Failure> {
        let mut all = Vec::new();
        for network in self.named(name).await? {
            let id = network.id.unwrap_or_default();
            let users = self.containers_on(&id).await?.len();
            all.push((std::cmp::Reverse(users), id));
        }
        all.sort();
        if all.first().is_none_or(|(_, id)| id == ours) || !all.iter().any(|(users, id)| id == ours && users.0 == 0) {
            return Ok(());
        }
        match self.docker.remove_network(ours).await {
            Err(e) if !is_not_found(&e) => Err(failure(format!("cannot remove the second network {name}"), &e)),
            _ => Ok(()),
        }
    }

    /// Makes the network of a template, marked with the word of its maker.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn make_network(&self, template: &NodeTemplate, maker: &str) -> Result<(), Failure> {
        let mut request = template.network.clone();
        let name = request.name.clone();
        request.labels.get_or_insert_default().insert(MAKER.to_owned(), maker.to_owned());
        let made = self.docker.create_network(request).await;
        made.map(drop).map_err(|e| failure(format!("cannot make the network {name}"), &e))
    }

    /// Removes a network that no container uses, running or not. Returns whether there was one.
    ///
    /// # Errors
    /// When a container uses it, named; when the engine does not answer or refuses.
    pub async fn remove_network(&self, name: &str) -> Result<bool, Failure> {
        let Some(network) = self.network(name).await? else { return Ok(false) };
        if !network.containers.is_empty() {
            return Err(Failure::step(format!("the network {name} is in use")).why(format!("by {}", network.containers.join(", "))));
        }
        match self.docker.remove_network(&network.id).await {
            Ok(()) => Ok(true),
            // somebody else was faster
            Err(e) if is_not_found(&e) => Ok(false),
            Err(e) => Err(failure(format!("cannot remove the network {name}"), &e)),
        }
    }

    /// The volumes that have all these labels, by name; an empty value asks only for the label.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn volumes(&self, labels: &[(&str, &str)]) -> Result<Vec<Volume>, Failure> {
        let filters = HashMap::from([("label".to_owned(), label_filters(labels))]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let answer = self.docker.list_volumes(Some(options)).await.map_err(|e| failure("cannot list volumes", &e))?;
        let volume = |v: bollard::models::Volume| Volume { name: v.name, labels: v.labels.into_iter().collect() };
        let mut all: Vec<Volume> = answer.volumes.unwrap_or_default().into_iter().map(volume).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
}

/// The network as kind asks for it, and our label.
fn kind_network((name, maker): (&str, &str), subnet: Option<&str>, mtu: Option<&str>) -> NetworkCreateRequest {
    let masquerade = ("com.docker.network.bridge.enable_ip_masquerade".to_owned(), "true".to_owned());
    let options = [masquerade].into_iter().chain(mtu.map(|mtu| (MTU.to_owned(), mtu.to_owned()))).collect();
    let pool = |subnet: &str| IpamConfig { subnet: Some(subnet.to_owned()), ..IpamConfig::default() };
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        enable_ipv6: subnet.map(|_| true),
        options: Some(options),
        ipam: subnet.map(|subnet| Ipam { config: Some(vec![pool(subnet)]), ..Ipam::default() }),
        labels: Some(HashMap::from([(MAKER.to_owned(), maker.to_owned())])),
        ..NetworkCreateRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    #[test]
    fn the_network_is_made_as_kind_makes_it() {
        let request = serde_json::to_value(kind_network(("kind", "word"), Some(SUBNETS[0]), Some("1450"))).unwrap();
        assert_eq!((&request["Driver"], &request["EnableIPv6"]), (&"bridge".into(), &true.into()));
        assert_eq!(request.pointer("/IPAM/Config/0/Subnet").unwrap(), "fc00:f853:ccd:e793::/64");
        assert_eq!((&request["Options"]["com.docker.network.driver.mtu"], &request["Labels"][MAKER]), (&"1450".into(), &"word".into()));
        assert_eq!(request["Options"]["com.docker.network.bridge.enable_ip_masquerade"], "true");
        let without = serde_json::to_value(kind_network(("kind", "word"), None, None)).unwrap();
        assert!(without.get("IPAM").is_none() && without.get("EnableIPv6").is_none(), "{without}");
    }

    #[tokio::test]
    async fn where_two_were_made_at_once_ours_goes_if_kind_would_take_the_other() {
        let fake = Scripted::start(|request| match request {
            "POST /v1.41/networks/create" => Scripted::json(201, r#"{"Id":"bbb","Warning":""}"#),
            "GET /v1.41/networks" => Scripted::json(200, r#"[{"Name":"kind","Id":"bbb"},{"Name":"kind","Id":"aaa"}]"#),
            "GET /v1.41/containers/json" => Scripted::json(200, "[]"),
            "DELETE /v1.41/networks/bbb" => Scripted::json(200, ""),
            "DELETE /v1.41/networks/aaa" => panic!("it is somebody else's"),
            "GET /v1.41/networks/bridge" => Scripted::json(404, r#"{"message":"no such network"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        engine(&fake).await.make_kind_network("kind", "word").await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_that_has_nothing_to_do_with_ipv6_is_told() {
        let fake = Scripted::start(|request| match request {
            "POST /v1.41/networks/create" => Scripted::json(500, r#"{"message":"could not find an available address pool"}"#),
            "GET /v1.41/networks" => Scripted::json(200, "[]"),
            "GET /v1.41/networks/bridge" => Scripted::json(200, r#"{"Options":{"com.docker.network.driver.mtu":"1500"}}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let failure = engine(&fake).await.make_kind_network("kind", "word").await.unwrap_err();
        assert_eq!(
            (failure.what.as_str(), failure.why[0].as_str()),
            ("cannot make the network kind", "could not find an available address pool")
        );
    }

    async fn engine(fake: &Scripted) -> Engine {
        Engine::connect(Some(&fake.address), &[]).await.unwrap()
    }

    #[tokio::test]
    async fn a_network_in_use_is_not_removed_and_its_users_are_named() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/networks" => Scripted::json(200, r#"[{"Name":"kind","Id":"abc"},{"Name":"kind-2","Id":"def"}]"#),
            "GET /v1.41/containers/json" => Scripted::json(200, r#"[{"Id":"1","Names":["/other-control-plane"],"State":"exited"}]"#),
            "DELETE /v1.41/networks/abc" => panic!("it must not be removed"),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let failure = engine(&fake).await.remove_network("kind").await.unwrap_err();
        assert_eq!((failure.what.as_str(), failure.why[0].as_str()), ("the network kind is in use", "by other-control-plane"));
    }

    #[tokio::test]
    async fn a_network_that_is_not_there_is_removed_already() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/networks" => Scripted::json(200, r#"[{"Name":"kind-2","Id":"def"}]"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let engine = engine(&fake).await;
        assert_eq!(engine.network("kind").await, Ok(None));
        assert_eq!(engine.remove_network("kind").await, Ok(false));
    }

    #[tokio::test]
    async fn two_networks_of_one_name_are_told() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/networks" => Scripted::json(200, r#"[{"Name":"kind","Id":"abc"},{"Name":"kind","Id":"def"}]"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let failure = engine(&fake).await.network("kind").await.unwrap_err();
        assert_eq!(failure.what, "there are 2 networks with the name kind");
    }
}
