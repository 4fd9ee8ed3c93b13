//! Where the objects of a stack live.
//!
//! Purpose: one way to apply, see, await and delete objects, whether an API server holds them or our supervisor.
//! Reads: objects, with their status. Writes: objects.
//! Must not: know what a stack is, or decide anything.

use std::path::Path;

use serde_json::Value;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::stack::{Object, ObjectId, ServiceFile};
use crate::supervise::Client;
use crate::world::kube::{Cluster, Judge, OnWait};

/// Who holds the objects.
#[derive(Clone)]
pub enum Platform {
    /// The API server of a cluster.
    Cluster(Cluster),
    /// The supervisor of a stack without a cluster.
    Host(Client),
}

impl Platform {
    /// The supervisor of a state folder.
    ///
    /// # Errors
    /// When none runs, or it does not answer.
    pub async fn of_host(state: &Path) -> Result<Self, Failure> {
        let found = Client::find(state).await?;
        found.map(Self::Host).ok_or_else(|| Failure::step("the supervisor does not run").hint("`tstack up` starts it again."))
    }

    /// The cluster, where there is one.
    ///
    /// # Errors
    /// A defect of ours: plans without a cluster have no step for one.
    pub fn cluster(&self) -> Result<&Cluster, Failure> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            Self::Host(_) => Err(Failure::internal("the plan needs a cluster, but the stack runs without one")),
        }
    }

    /// Applies the objects of a component.
    ///
    /// # Errors
    /// When one is refused, or the deadline comes.
    pub async fn apply_all(&self, component: &str, objects: &[Object], deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        match self {
            Self::Cluster(cluster) => cluster.apply_all(objects, deadline, on_wait).await,
            Self::Host(client) => client.apply(component, objects).await,
        }
    }

    /// Deletes objects and waits until they are gone.
    ///
    /// # Errors
    /// When one does not go by the deadline.
    pub async fn delete_all(&self, ids: &[ObjectId], deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        match self {
            Self::Cluster(cluster) => cluster.delete_all(ids, deadline, on_wait).await,
            Self::Host(client) => client.delete_all(ids).await,
        }
    }

    /// The object as it is now, with its status; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn get(&self, id: &ObjectId) -> Result<Option<Value>, Failure> {
        match self {
            Self::Cluster(cluster) => cluster.get(id).await,
            Self::Host(client) => client.get(id).await,
        }
    }

    /// The objects in the order of their ids; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be known of one.
    pub async fn get_all(&self, ids: &[ObjectId]) -> Result<Vec<Option<Value>>, Failure> {
        match self {
            Self::Cluster(cluster) => cluster.get_all(ids).await,
            Self::Host(client) => client.get_all(ids).await,
        }
    }

    /// Waits until every object is ready.
    ///
    /// # Errors
    /// When one fails for good, or the deadline comes.
    pub async fn await_ready(&self, ids: &[ObjectId], judge: Judge, deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        match self {
            Self::Cluster(cluster) => cluster.await_ready(ids, judge, deadline, on_wait).await,
            Self::Host(client) => client.await_ready(ids, judge, deadline, on_wait).await,
        }
    }

    /// A GET to a Service: the status and the body, whatever the status is.
    ///
    /// # Errors
    /// When there is no such Service, or nobody answers.
    pub async fn service_get(&self, service: &ServiceFile, path_and_query: &str) -> Result<(u16, String), Failure> {
        match self {
            Self::Cluster(cluster) => cluster.service_get(&service.namespace, &service.name, service.port, path_and_query).await,
            Self::Host(client) => client.service_get(service, path_and_query).await,
        }
    }
}
