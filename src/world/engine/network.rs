//! Networks and volumes.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{ListNetworksOptionsBuilder, ListVolumesOptionsBuilder};

use super::Engine;
use super::container::label_filters;
use super::error::{failure, is_not_found};
use crate::failure::Failure;

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
        // by list and not by name: the engine would take the name for the start of an id too
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let all = self.docker.list_networks(Some(options)).await.map_err(|e| failure(format!("cannot look for the network {name}"), &e))?;
        let mut same: Vec<_> = all.into_iter().filter(|n| n.name.as_deref() == Some(name)).collect();
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

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

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
