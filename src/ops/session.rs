//! What every verb begins with: the folder and its lock, the engine, and a look at the cluster.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::provider;
use super::recorded::{Recorded, recorded};
use crate::exec::{Context, Engines};
use crate::failure::{Failure, FailureKind};
use crate::observe::{self, Sight, SightError};
use crate::plan::{Exposing, HostFact};
use crate::stack::{Component, ComponentKind, ImageRef, Stack};
use crate::state::{Lock, Ran, Record, StateFolder, Target, owner};
use crate::supervise::{Client, end_orphans};
use crate::world::engine::{Engine, default_addresses};
use crate::world::helm::Helm;
use crate::world::kind::Kind;
use crate::world::programs::{Places, Platform};
use crate::world::registry::Mirrors;
use crate::world::{clock, machine, orphans};

/// What the surroundings give: read once by the command line.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When the verb began its work: the times of its events count from then.
    pub began: clock::Start,
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
    /// `HTTP_PROXY` and its like, as far as they are set.
    pub proxies: BTreeMap<String, String>,
    /// tstack itself, to start the forwarder.
    pub program: PathBuf,
    /// Where registries are mirrored.
    pub mirrors: Mirrors,
    /// The folder for what can be got again: programs of others.
    pub cache: PathBuf,
    /// Where the system's own files are: `/`, but for tests and systems that are being made.
    pub root: PathBuf,
}

impl Setup {
    /// Where programs of others are looked for and kept.
    pub(super) fn places(&self) -> Places {
        Places { search: self.path.clone(), cache: self.cache.join("programs"), mirrors: self.mirrors.clone(), platform: Platform::here() }
    }
}

/// What a cluster of a stack is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Images, that of the node first.
    pub images: Vec<ImageRef>,
    /// Charts, by the names that they have in registries.
    pub charts: Vec<ImageRef>,
}

impl Parts {
    /// The parts of a stack.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let images = std::iter::once(stack.cluster.image.clone()).chain(stack.images()).collect();
        let chart = |component: &Component| match &component.kind {
            ComponentKind::Helm(chart) => ImageRef::parse(&format!("{}:{}", chart.reference.strip_prefix("oci://")?, chart.version)).ok(),
            _ => None,
        };
        Self { images, charts: stack.components.iter().filter_map(chart).collect() }
    }
}

/// What the user wants the stack to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What is recorded under the name, and where nothing is, a kind cluster; what `down` and `status` begin with.
    Own,
    /// What is recorded under the name, readable or not; what `down --forget` begins with.
    Forgotten,
    /// What is recorded under the name, and where nothing is, what this machine can run.
    Any {
        /// What a cluster of the stack is made of.
        of: Parts,
    },
    /// A kind cluster of our own.
    Kind,
    /// No cluster: processes on this machine.
    Host,
    /// The cluster of this context, in this kubeconfig.
    Context {
        /// The kubeconfig that holds it.
        kubeconfig: PathBuf,
        /// Its name.
        context: String,
        /// Whether it may be one of another machine.
        allow_remote: bool,
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
    pub lock: Option<Lock>,
    pub record: Record,
    pub recorded: bool,
    pub engine: Option<Engine>,
    pub sight: Sight,
    /// What it runs on, and why, where that was left to us or is a cluster of others.
    pub chosen: Option<String>,
    /// That the record was damaged, and what came of it.
    pub mended: Option<String>,
    /// Programs of a killed run still worked when the session began: the engine may be about to make what they had asked it for.
    pub was_busy: bool,
    /// Whether a context may lead to another machine.
    allow_remote: bool,
}

impl Session {
    /// Begins a session on the cluster `name`, without a look outside yet. With a verb the lock is taken.
    ///
    /// # Errors
    /// When another tstack holds the cluster, or its record is damaged and nobody but the user knows what was in it.
    pub(super) async fn begin(setup: &Setup, name: &str, wanted: &Wanted, verb: Option<&str>) -> Result<Self, Failure> {
        let folder = StateFolder::new(&setup.state, name);
        let lock = verb.map(|verb| Lock::take(&folder, verb)).transpose()?;
        let mut ended = 0;
        if lock.is_some() {
            ended = orphans::end(&folder.path()).await?;
            if !Client::is_held(&folder.path())? {
                end_orphans(&folder.path()).await?;
            }
        }
        let Recorded { record: before, ran, note: mended } = Box::pin(recorded(setup, &folder, wanted, verb)).await?;
        let was_recorded = before.is_some();
        if let Some(Target::Kind { cluster, .. }) = before.as_ref().map(|record| &record.target) {
            of_this_name(cluster, &folder)?;
        }
        let mut chosen = None;
        let allow_remote = matches!(wanted, Wanted::Context { allow_remote: true, .. });
        let wanted = match (ran, wanted) {
            // the record is lost, and what it runs on is known all the same
            (Some(Ran::OnHost), Wanted::Own | Wanted::Forgotten) => &Wanted::Host,
            (Some(Ran::OnHost), Wanted::Any { .. }) if mended.is_some() => &Wanted::Host,
            (Some(Ran::OnKind), Wanted::Any { .. }) => &Wanted::Kind,
            _ => wanted,
        };
        let target = match (&before, wanted) {
            (None, Wanted::Any { of }) => {
                let (wanted, why) = Box::pin(provider::choose(setup, &folder, of)).await?;
                chosen = Some(why);
                target(None, &wanted, &folder)?
            }
            (record, wanted) => target(record.as_ref(), wanted, &folder)?,
        };
        let record = before.unwrap_or_else(|| fresh(target));
        let (setup, engine, sight) = (setup.clone(), None, Sight::default());
        let (recorded, was_busy) = (was_recorded, ended > 0);
        Ok(Self { setup, folder, lock, record, recorded, engine, sight, chosen, mended, was_busy, allow_remote })
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
        let recorded = self.recorded.then_some(&self.record);
        (self.sight, self.engine) = match &self.record.target {
            Target::Kind { cluster, .. } => {
                let engine = connect(setup).await.map_err(SightError::Unknown)?;
                (Box::pin(observe::ours(&engine, &setup.path, &self.folder, cluster, recorded)).await?, Some(engine))
            }
            // a named cluster works without an engine, if no image must get into its nodes
            Target::Context { kubeconfig, context } => {
                let engine = connect(setup).await.ok();
                (observe::named(kubeconfig, context, recorded, engine.as_ref(), self.allow_remote).await?, engine)
            }
            // no engine is asked: there may be none
            Target::Host => (observe::processes(&self.folder).await?, None),
        };
        if let (Some(word), Target::Kind { owner, .. }) = (&self.sight.adopted, &mut self.record.target) {
            owner.clone_from(word);
        }
        if let (Some(server), Target::Context { context, .. }) = (&self.sight.server, &self.record.target) {
            self.chosen = Some(server.note(context));
            self.record.remote_server = server.local.is_err().then(|| server.url.clone());
        }
        if self.sight.identity.is_some() {
            self.record.identity.clone_from(&self.sight.identity);
        }
        Ok(())
    }

    /// The stack as it can be on what it runs on, and what is to be known where that is no cluster.
    ///
    /// # Errors
    /// When it cannot be told which programs are there.
    pub(super) async fn fit(&self, stack: Stack) -> Result<(Stack, Option<HostFact>), Failure> {
        if !matches!(self.record.target, Target::Host) {
            return Ok((stack, None));
        }
        let (stack, host) = Box::pin(observe::adapted(&stack, &self.setup.places(), &self.folder, &self.sight)).await?;
        if host.faults.is_empty() {
            return Ok((stack, Some(host)));
        }
        let failure = Failure::preflight(format!("the stack `{}` cannot run without a cluster as it is written", stack.name));
        let told = host.faults.iter().fold(failure, |told, fault| told.why(format!("{}: {}", fault.id, fault.what)).hint(&fault.hint));
        Err(told.hint("`tstack up --provider kind` runs it on a cluster."))
    }

    /// What a person should know of how the stack runs, beside what `status` tells in full.
    pub(super) async fn notes(&self) -> Vec<String> {
        if !matches!(self.record.target, Target::Host) {
            return Vec::new();
        }
        // what cannot be asked now has just been told otherwise
        match Client::find(&self.folder.path()).await {
            Ok(Some(supervisor)) => supervisor.status().await.map(|status| status.notes).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The name of the cluster for people.
    pub(super) fn target_name(&self) -> String {
        observe::target_name(&self.record.target).to_owned()
    }

    /// The kubeconfig with which the cluster is reached.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        match &self.record.target {
            Target::Kind { .. } | Target::Host => self.folder.kubeconfig(),
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
            places: self.setup.places(),
            nodes: self.sight.nodes.clone(),
        };
        Arc::new(Context::new(self.setup.began, self.folder.clone(), stack, engines, self.record.clone(), self.sight.platform()))
    }
}

/// What fails while nothing has been changed yet is no failed step, though the room where it failed cannot know that.
pub(super) fn before_the_first_step(failure: Failure) -> Failure {
    if failure.kind == FailureKind::Step { Failure { kind: FailureKind::Preflight, ..failure } } else { failure }
}

fn fresh(target: Target) -> Record {
    Record {
        stack: String::new(),
        source: String::new(),
        profiles: Vec::new(),
        set: Vec::new(),
        target,
        created: clock::now(),
        identity: None,
        made: Vec::new(),
        needs: BTreeMap::new(),
        verified: None,
        exposing: Exposing::Auto,
        ports: std::collections::BTreeMap::new(),
        host_ports: Vec::new(),
        remote_server: None,
        exported: Vec::new(),
        trusted: Vec::new(),
    }
}

/// The recorded target, unless the user names one; one name never changes its cluster under the user's hands.
fn target(record: Option<&Record>, wanted: &Wanted, folder: &StateFolder) -> Result<Target, Failure> {
    let asked = match wanted {
        Wanted::Own | Wanted::Forgotten | Wanted::Any { .. } => None,
        Wanted::Kind => match record.map(|record| &record.target) {
            Some(kind @ Target::Kind { .. }) => Some(kind.clone()),
            _ => Some(kind(folder)),
        },
        Wanted::Host => Some(Target::Host),
        Wanted::Context { kubeconfig, context, .. } => Some(Target::Context { kubeconfig: kubeconfig.clone(), context: context.clone() }),
    };
    let name = folder.name();
    match (record, asked) {
        (Some(record), None) => Ok(record.target.clone()),
        (Some(record), Some(asked)) if record.target == asked => Ok(asked),
        (Some(record), Some(_)) => Err(Failure::preflight(format!("`{name}` runs on `{}` already", observe::target_name(&record.target)))
            .hint("Give the other one a name of its own with --name, or take this one down first.")),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Ok(kind(folder)),
    }
}

/// A record that was copied or moved from another name speaks of that one's cluster, which is not this one's to change.
fn of_this_name(cluster: &str, folder: &StateFolder) -> Result<(), Failure> {
    if cluster == cluster_of(folder) {
        return Ok(());
    }
    let (name, path) = (folder.name(), folder.path());
    Err(Failure::preflight(format!("the record of `{name}` is that of another cluster"))
        .why(format!("{} speaks of `{cluster}`; the cluster of `{name}` would be `{}`", folder.record().display(), cluster_of(folder)))
        .hint(format!("It was copied or moved there: give the folder its name back, or remove {}. Nothing was changed.", path.display())))
}

/// kind's name of the cluster of a folder.
fn cluster_of(folder: &StateFolder) -> String {
    format!("tstack-{}", folder.name())
}

/// A kind cluster that is yet to be made.
fn kind(folder: &StateFolder) -> Target {
    let run = format!("{} {}", std::process::id(), clock::now().as_nanosecond());
    let owner = owner::new_word(folder, &machine::name(), &run);
    Target::Kind { cluster: cluster_of(folder), owner, network_made: false }
}

/// The container engine of this machine.
pub(super) async fn connect(setup: &Setup) -> Result<Engine, Failure> {
    let addresses = default_addresses(setup.home.as_deref(), setup.runtime.as_deref());
    Engine::connect(setup.docker_host.as_deref(), &addresses).await
}
