//! What every verb begins with: the folder and its lock, the programs, the engine, and a look at the cluster.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::exec::Engines;
use crate::failure::{Failure, FailureKind};
use crate::observe::{self, Sight};
use crate::plan::Exposing;
use crate::state::{Lock, Record, StateFolder, Target, VERSION};
use crate::world::clock;
use crate::world::engine::{Engine, default_addresses};
use crate::world::helm::Helm;
use crate::world::kind::Kind;
use crate::world::orphans;
use crate::world::process;
use crate::world::registry::Mirrors;

/// The oldest kind that makes clusters as we ask for: later ones only.
const LEAST_KIND: semver::Version = semver::Version::new(0, 24, 0);
/// The oldest helm with OCI registries, `--plain-http` on pull and `uninstall --ignore-not-found`.
const LEAST_HELM: semver::Version = semver::Version::new(3, 14, 0);

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

/// One run's hold on one cluster.
pub(super) struct Session {
    pub folder: StateFolder,
    pub lock: Option<Lock>,
    pub record: Record,
    pub recorded: bool,
    pub engines: Engines,
    pub sight: Sight,
}

impl Session {
    /// Opens a session on the cluster `name`. With a verb the lock is taken; without, it is only looked at.
    ///
    /// # Errors
    /// When another tstack holds the cluster, a program is missing, or something cannot be known.
    pub(super) async fn open(setup: &Setup, name: &str, wanted: &Wanted, verb: Option<&str>) -> Result<Self, Failure> {
        Self::look(setup, name, wanted, verb).await.map_err(before_the_first_step)
    }

    async fn look(setup: &Setup, name: &str, wanted: &Wanted, verb: Option<&str>) -> Result<Self, Failure> {
        let folder = StateFolder::new(&setup.state, name);
        let lock = verb.map(|verb| Lock::take(&folder, verb)).transpose()?;
        if lock.is_some() {
            orphans::end(&folder.path()).await?;
        }
        let before = Record::read(&folder)?;
        let recorded = before.is_some();
        let target = target(before.as_ref(), wanted, name)?;
        let helm =
            process::find("helm", &["version", "--short"], &LEAST_HELM, &setup.path, "Install Helm 3: https://helm.sh/docs/intro/install")?;
        let helm = Helm {
            program: helm.path,
            kubeconfig: match &target {
                Target::Kind { .. } => folder.kubeconfig(),
                Target::Context { kubeconfig, .. } => kubeconfig.clone(),
            },
            context: match &target {
                Target::Kind { .. } => None,
                Target::Context { context, .. } => Some(context.clone()),
            },
            cache: folder.helm(),
        };
        let (engine, kind) = match target {
            Target::Kind { .. } => {
                let get = "Install kind: https://kind.sigs.k8s.io/docs/user/quick-start#installation";
                let kind = process::find("kind", &["version"], &LEAST_KIND, &setup.path, get)?;
                let engine = connect(setup).await?;
                (Some(engine), Some(Kind { program: kind.path }))
            }
            // a named cluster works without an engine, if no image must get into its nodes
            Target::Context { .. } => (connect(setup).await.ok(), None),
        };
        let sight = match (&target, &engine) {
            (Target::Kind { cluster, .. }, Some(engine)) => observe::ours(engine, kind.as_ref(), &folder, cluster, before.as_ref()).await?,
            (Target::Context { kubeconfig, context }, engine) => {
                observe::named(kubeconfig, context, before.as_ref(), engine.as_ref()).await?
            }
            (Target::Kind { .. }, None) => return Err(Failure::internal("a kind cluster without an engine")),
        };
        let mut record = before.unwrap_or_else(|| fresh(target));
        if let (Some(word), Target::Kind { owner, .. }) = (&sight.adopted, &mut record.target) {
            owner.clone_from(word);
        }
        if sight.identity.is_some() {
            record.identity.clone_from(&sight.identity);
        }
        let engines =
            Engines { engine, kind, helm, program: setup.program.clone(), mirrors: setup.mirrors.clone(), nodes: sight.nodes.clone() };
        Ok(Self { folder, lock, record, recorded, engines, sight })
    }

    /// The name of the cluster for people.
    pub(super) fn target_name(&self) -> String {
        observe::target_name(&self.record.target).to_owned()
    }
}

/// What fails while nothing has been changed yet is no failed step, though the room where it failed cannot know that.
pub(super) fn before_the_first_step(failure: Failure) -> Failure {
    if failure.kind == FailureKind::Step { Failure { kind: FailureKind::Preflight, ..failure } } else { failure }
}

async fn connect(setup: &Setup) -> Result<Engine, Failure> {
    let addresses = default_addresses(setup.home.as_deref(), setup.runtime.as_deref());
    Engine::connect(setup.docker_host.as_deref(), &addresses).await
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
fn target(record: Option<&Record>, wanted: &Wanted, name: &str) -> Result<Target, Failure> {
    let asked = match wanted {
        Wanted::Own => None,
        Wanted::Context { kubeconfig, context } => Some(Target::Context { kubeconfig: kubeconfig.clone(), context: context.clone() }),
    };
    match (record, asked) {
        (Some(record), None) => Ok(record.target.clone()),
        (Some(record), Some(asked)) if record.target == asked => Ok(asked),
        (Some(record), Some(_)) => Err(Failure::preflight(format!("`{name}` runs on `{}` already", observe::target_name(&record.target)))
            .hint("Give the other cluster a name of its own with --name, or take this one down first.")),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Ok(Target::Kind { cluster: format!("tstack-{name}"), owner: owner_word(name), network_made: false }),
    }
}

/// A word that no other run has: the label value by which a node is known to be ours.
fn owner_word(name: &str) -> String {
    let seed = format!("{name} {} {}", std::process::id(), clock::now().as_nanosecond());
    crate::plan::object_digest(&serde_json::Value::String(seed))
}
