//! What every verb begins with: the folder and its lock, the engine, and a look at the cluster.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exec::{Context, Engines};
use crate::failure::{Failure, FailureKind};
use crate::observe::{self, Sight, SightError};
use crate::plan::Exposing;
use crate::stack::Stack;
use crate::state::{Lock, Record, StateFolder, Target, VERSION, owner};
use crate::world::engine::{Engine, default_addresses};
use crate::world::helm::Helm;
use crate::world::kind::Kind;
use crate::world::registry::Mirrors;
use crate::world::{clock, machine, orphans};

/// What the surroundings give: read once by the command line.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The folder for state.
    pub state: PathBuf,
    /// Where programs are looked for.
    pub path: OsString,
    /// `DOCKER_HOST`, where it is set.
    pub docker_host: Option<String>,
    /// The home folder, for sockets of engines that lie there.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, where engines without root have their sockets.
    pub runtime: Option<PathBuf>,
    /// tstack itself, to start the forwarder.
    pub program: PathBuf,
    /// Where registries are mirrored.
    pub mirrors: Mirrors,
}

/// Which cluster the user means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of our own; also what `down` and `status` begin with.
    Own,
    /// The cluster of this context, in this kubeconfig.
    Context {
        /// The kubeconfig that holds it.
        kubeconfig: PathBuf,
        /// Its name.
        context: String,
    },
}

/// The programs that a plan runs, set up for its cluster; those that it does not run are not looked for.
#[derive(Default)]
pub(super) struct Programs {
    pub kind: Option<Kind>,
    pub helm: Option<Helm>,
}

/// One run's hold on one cluster.
pub(super) struct Session {
    pub setup: Setup,
    pub folder: StateFolder,
    /// Held until the session ends, where a verb changes something.
    _lock: Option<Lock>,
    pub record: Record,
    pub recorded: bool,
    pub engine: Option<Engine>,
    pub sight: Sight,
}

impl Session {
    /// Begins a session on the cluster `name`, without a look outside yet. With a verb the lock is taken.
    ///
    /// # Errors
    /// When another tstack holds the cluster, or its record cannot be read.
    pub(super) async fn begin(setup: &Setup, name: &str, wanted: &Wanted, verb: Option<&str>) -> Result<Self, Failure> {
        let folder = StateFolder::new(&setup.state, name);
        let lock = verb.map(|verb| Lock::take(&folder, verb)).transpose()?;
        if lock.is_some() {
            orphans::end(&folder.path()).await?;
        }
        let before = Record::read(&folder)?;
        let recorded = before.is_some();
        let target = target(before.as_ref(), wanted, &folder)?;
        let record = before.unwrap_or_else(|| fresh(target));
        Ok(Self { setup: setup.clone(), folder, _lock: lock, record, recorded, engine: None, sight: Sight::default() })
    }

    /// Begins a session and looks at the cluster.
    ///
    /// # Errors
    /// As [`Session::begin`] and [`Session::look`].
    pub(super) async fn open(setup: &Setup, name: &str, wanted: &Wanted, verb: Option<&str>) -> Result<Self, Failure> {
        let mut session = Self::begin(setup, name, wanted, verb).await?;
        session.look().await.map_err(|e| before_the_first_step(e.into()))?;
        Ok(session)
    }

    /// Looks at the cluster, the first time or anew.
    ///
    /// # Errors
    /// When the cluster of that name is not ours, or when it cannot be known whether it is there.
    pub(super) async fn look(&mut self) -> Result<(), SightError> {
        self.see().await.map_err(|error| match error {
            SightError::Foreign(failure) => SightError::Foreign(before_the_first_step(failure)),
            SightError::Unknown(failure) => SightError::Unknown(before_the_first_step(failure)),
        })
    }

    async fn see(&mut self) -> Result<(), SightError> {
        let setup = &self.setup;
        let addresses = default_addresses(setup.home.as_deref(), setup.runtime.as_deref());
        let engine = Engine::connect(setup.docker_host.as_deref(), &addresses).await;
        let recorded = self.recorded.then_some(&self.record);
        (self.sight, self.engine) = match &self.record.target {
            Target::Kind { cluster, .. } => {
                let engine = engine.map_err(SightError::Unknown)?;
                (observe::ours(&engine, &setup.path, &self.folder, cluster, recorded).await?, Some(engine))
            }
            // a named cluster works without an engine, if no image must get into its nodes
            Target::Context { kubeconfig, context } => {
                let engine = engine.ok();
                (observe::named(kubeconfig, context, recorded, engine.as_ref()).await?, engine)
            }
        };
        if let (Some(word), Target::Kind { owner, .. }) = (&self.sight.adopted, &mut self.record.target) {
            owner.clone_from(word);
        }
        if self.sight.identity.is_some() {
            self.record.identity.clone_from(&self.sight.identity);
        }
        Ok(())
    }

    /// The name of the cluster for people.
    pub(super) fn target_name(&self) -> String {
        observe::target_name(&self.record.target).to_owned()
    }

    /// The kubeconfig with which the cluster is reached.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        match &self.record.target {
            Target::Kind { .. } => self.folder.kubeconfig(),
            Target::Context { kubeconfig, .. } => kubeconfig.clone(),
        }
    }

    /// What steps work with, given the programs that they run.
    pub(super) fn context(&self, stack: Option<Arc<Stack>>, programs: Programs) -> Arc<Context> {
        let engines = Engines {
            engine: self.engine.clone(),
            kind: programs.kind,
            helm: programs.helm,
            program: self.setup.program.clone(),
            mirrors: self.setup.mirrors.clone(),
            nodes: self.sight.nodes.clone(),
        };
        Arc::new(Context::new(self.folder.clone(), stack, engines, self.record.clone(), self.sight.cluster.clone()))
    }
}

/// What fails while nothing has been changed yet is no failed step, though the room where it failed cannot know that.
pub(super) fn before_the_first_step(failure: Failure) -> Failure {
    if failure.kind == FailureKind::Step { Failure { kind: FailureKind::Preflight, ..failure } } else { failure }
}

fn fresh(target: Target) -> Record {
    Record {
        version: VERSION,
        stack: String::new(),
        source: String::new(),
        profiles: Vec::new(),
        set: Vec::new(),
        target,
        created: clock::now(),
        identity: None,
        made: Vec::new(),
        verified: None,
        exposing: Exposing::Auto,
    }
}

/// The recorded target, unless the user names one; one name never changes its cluster under the user's hands.
fn target(record: Option<&Record>, wanted: &Wanted, folder: &StateFolder) -> Result<Target, Failure> {
    let asked = match wanted {
        Wanted::Own => None,
        Wanted::Context { kubeconfig, context } => Some(Target::Context { kubeconfig: kubeconfig.clone(), context: context.clone() }),
    };
    let name = folder.name();
    match (record, asked) {
        (Some(record), None) => Ok(record.target.clone()),
        (Some(record), Some(asked)) if record.target == asked => Ok(asked),
        (Some(record), Some(_)) => Err(Failure::preflight(format!("`{name}` runs on `{}` already", observe::target_name(&record.target)))
            .hint("Give the other cluster a name of its own with --name, or take this one down first.")),
        (None, Some(asked)) => Ok(asked),
        (None, None) => {
            let run = format!("{} {}", std::process::id(), clock::now().as_nanosecond());
            let owner = owner::new_word(folder, &machine::name(), &run);
            Ok(Target::Kind { cluster: format!("tstack-{name}"), owner, network_made: false })
        }
    }
}
