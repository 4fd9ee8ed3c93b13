//! Everything that steps work with.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use super::{Act, Signals, steps};
use crate::failure::Failure;
use crate::plan::{NodeAccess, Step};
use crate::platform::Platform;
use crate::stack::{Component, Stack};
use crate::state::{Record, StateFolder, Target};
use crate::world::clock::Start;
use crate::world::engine::Engine;
use crate::world::helm::Helm;
use crate::world::kind::Kind;
use crate::world::kube::Cluster;
use crate::world::programs::Places;
use crate::world::registry::Mirrors;

/// The programs and the engine that a run may use.
#[derive(Clone)]
pub struct Engines {
    /// The container engine; absent where a named context needs none.
    pub engine: Option<Engine>,
    /// The kind program; absent where the plan does not run it.
    pub kind: Option<Kind>,
    /// The helm program, set up for the cluster; absent where the plan does not run it.
    pub helm: Option<Helm>,
    /// tstack itself, for the forwarder.
    pub program: std::path::PathBuf,
    /// Where registries are mirrored.
    pub mirrors: Mirrors,
    /// Where programs of others are looked for and kept.
    pub places: Places,
    /// How images get into nodes that exist already.
    pub nodes: NodeAccess,
}

/// The context of one run on one cluster.
pub struct Context {
    /// When the verb began its work.
    pub began: Start,
    /// The folder of the cluster.
    pub folder: StateFolder,
    /// The stack; absent in `down`, which works from the record.
    pub stack: Option<Arc<Stack>>,
    /// Programs and engine.
    pub engines: Engines,
    record: Mutex<Record>,
    platform: OnceCell<Platform>,
}

impl Context {
    /// A context; `platform` where it is connected already.
    #[must_use]
    pub fn new(
        began: Start,
        folder: StateFolder,
        stack: Option<Arc<Stack>>,
        engines: Engines,
        record: Record,
        platform: Option<Platform>,
    ) -> Self {
        Self { began, folder, stack, engines, record: Mutex::new(record), platform: OnceCell::new_with(platform) }
    }

    /// The record as it is now.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the record and writes it before anything else goes on: what is made is known even if the next instant ends us.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, change: impl FnOnce(&mut Record)) -> Result<(), Failure> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut record);
        record.write(&self.folder)
    }

    /// Notes that something is gone. Where that cannot be written, as on a full disk, it is no failure: the next look sees that it is gone.
    pub fn forget(&self, change: impl FnOnce(&mut Record)) {
        drop(self.note(change));
    }

    /// Where the objects live, connected when it is first asked for: it may have been made by a step of this run.
    ///
    /// # Errors
    /// When the API server or the supervisor does not answer.
    pub async fn platform(&self) -> Result<&Platform, Failure> {
        self.platform
            .get_or_try_init(|| async {
                let record = self.record();
                match &record.target {
                    Target::Kind { .. } => Cluster::connect(&self.folder.kubeconfig(), None).await.map(Platform::Cluster),
                    Target::Context { kubeconfig, context } => Cluster::connect(kubeconfig, Some(context)).await.map(Platform::Cluster),
                    Target::Host => Platform::of_host(&self.folder.path()).await,
                }
            })
            .await
    }

    /// The cluster.
    ///
    /// # Errors
    /// As [`Context::platform`]; and where there is none, a defect of ours.
    pub async fn cluster(&self) -> Result<&Cluster, Failure> {
        self.platform().await?.cluster()
    }

    /// A component of the stack.
    ///
    /// # Errors
    /// A defect of ours: plans name only components that exist.
    pub fn component(&self, name: &str) -> Result<&Component, Failure> {
        let found = self.stack.as_ref().and_then(|stack| stack.component(name));
        found.ok_or_else(|| Failure::internal(format!("the plan names component `{name}`, which the stack does not have")))
    }

    /// The engine.
    ///
    /// # Errors
    /// A defect of ours: plans use it only where it was found.
    pub fn engine(&self) -> Result<&Engine, Failure> {
        self.engines.engine.as_ref().ok_or_else(|| Failure::internal("the plan needs an engine, but none was looked for"))
    }

    /// The helm program.
    ///
    /// # Errors
    /// A defect of ours: it was looked for if the plan runs it.
    pub fn helm(&self) -> Result<&Helm, Failure> {
        self.engines.helm.as_ref().ok_or_else(|| Failure::internal("the plan runs helm, but it was not looked for"))
    }

    /// The kind program.
    ///
    /// # Errors
    /// A defect of ours: it was looked for if the plan runs it.
    pub fn kind(&self) -> Result<&Kind, Failure> {
        self.engines.kind.as_ref().ok_or_else(|| Failure::internal("the plan runs kind, but it was not looked for"))
    }

    /// kind's name of the cluster.
    ///
    /// # Errors
    /// A defect of ours: plans make, start and delete only kind clusters.
    pub fn kind_cluster(&self) -> Result<String, Failure> {
        match self.record().target {
            Target::Kind { cluster, .. } => Ok(cluster),
            Target::Context { .. } | Target::Host => {
                Err(Failure::internal("the plan makes, starts or deletes a cluster that is not kind's"))
            }
        }
    }
}

impl Act for Context {
    fn act(self: Arc<Self>, step: Step, signals: Arc<Signals>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { steps::act(&self, step, &signals).await })
    }
}
