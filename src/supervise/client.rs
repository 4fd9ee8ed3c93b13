//! The supervisor seen from outside: what the API server is on a cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use super::wire::{Answer, Ask, Seen};
use super::{SUPERVISOR, Spec, Status, ready};
use crate::daemon;
use crate::failure::{Failure, FailureKind};
use crate::stack::{Object, ObjectId, ServiceFile};
use crate::world::http::{Connection, Limits, Target};
use crate::world::kube::{Judge, OnWait};

/// How long an answer may take: a deletion is answered when its processes have ended.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a service may take to answer, as for one behind an API server's proxy.
const SERVICE: Duration = Duration::from_secs(30);

/// A supervisor that runs.
#[derive(Clone, Debug)]
pub struct Client {
    state: PathBuf,
}

impl Client {
    /// The supervisor of a state folder with this spec: found, given the spec where it has another, or started and waited for until
    /// it answers. Processes are started later, by what is applied; only Envoy Gateway begins at once.
    ///
    /// `program` is tstack itself; it is called as `program supervisor --state FOLDER`.
    ///
    /// # Errors
    /// What the supervisor itself met, or that it cannot be started.
    pub async fn start(state: &Path, spec: &Spec, program: &Path) -> Result<Self, Failure> {
        if let Some(client) = Self::find(state).await? {
            if !Self::has_spec(state, spec) {
                client.ok(&Ask::Adopt { spec: spec.clone() }).await?;
            }
            return Ok(client);
        }
        let purpose = format!("It was to run {} and {}.", spec.gateway.display(), spec.envoy.display());
        daemon::start::<Status>(SUPERVISOR, state, spec, program, &purpose).await?;
        Ok(Self { state: state.to_owned() })
    }

    /// Makes sure that a supervisor could answer in this state folder.
    ///
    /// # Errors
    /// When the folder's path is too long for a socket in it.
    pub fn fits(state: &Path) -> Result<(), Failure> {
        SUPERVISOR.socket(state).map(drop)
    }

    /// The supervisor of a state folder: `None` when surely none runs.
    ///
    /// # Errors
    /// When one runs but does not answer: then nothing is known of it.
    pub async fn find(state: &Path) -> Result<Option<Self>, Failure> {
        let found: Option<Status> = daemon::status(SUPERVISOR, state).await?;
        Ok(found.map(|_| Self { state: state.to_owned() }))
    }

    /// Whether a supervisor holds a state folder, one that does not answer too.
    ///
    /// # Errors
    /// When its lock cannot be looked at.
    pub fn is_held(state: &Path) -> Result<bool, Failure> {
        daemon::is_held(SUPERVISOR, state)
    }

    /// Whether a supervisor was to run there: its file lies there, readable or not.
    #[must_use]
    pub fn is_wanted(state: &Path) -> bool {
        daemon::is_wanted(SUPERVISOR, state)
    }

    /// Whether the supervisor of a state folder was told last to work with this. A file that is damaged says no.
    #[must_use]
    pub fn has_spec(state: &Path, spec: &Spec) -> bool {
        daemon::has_spec(SUPERVISOR, state, spec)
    }

    /// Ends the supervisor of a state folder with all of its processes, and waits until nothing of it is left: no process, no
    /// port, no socket, no file of its own but its logs' folder, which goes with the state folder. Answers whether there was one.
    ///
    /// # Errors
    /// When one runs and does not end.
    pub async fn stop(state: &Path) -> Result<bool, Failure> {
        daemon::stop(SUPERVISOR, state).await
    }

    /// Keeps these objects as those of the component: new and changed ones in the place of what was there under their ids.
    /// Objects that the component had before and that are not named stay. Answered when they are kept, not when they are ready.
    ///
    /// # Errors
    /// When the supervisor does not answer, or one of them cannot be what it says on this provider.
    pub async fn apply(&self, component: &str, objects: &[Object]) -> Result<(), Failure> {
        self.ok(&Ask::Apply { component: component.to_owned(), objects: objects.to_vec() }).await
    }

    /// Deletes objects; answered when the processes that they stood for have ended. Absent objects are fine.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn delete_all(&self, ids: &[ObjectId]) -> Result<(), Failure> {
        self.ok(&Ask::Delete { ids: ids.to_vec() }).await
    }

    /// The object with its status, as an API server gives it, or `None` where it is absent.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn get(&self, id: &ObjectId) -> Result<Option<Value>, Failure> {
        Ok(self.get_all(std::slice::from_ref(id)).await?.into_iter().flatten().next())
    }

    /// The objects at these ids, in their order, `None` where one is absent.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn get_all(&self, ids: &[ObjectId]) -> Result<Vec<Option<Value>>, Failure> {
        match self.ask(&Ask::Get { ids: ids.to_vec() }).await? {
            Answer::Objects { objects } if objects.len() == ids.len() => Ok(objects.into_iter().map(|seen| seen.object).collect()),
            other => Err(self.odd(&other)),
        }
    }

    /// Waits until every object is ready, as `judge` says of their JSON; as [`crate::world::kube::Cluster::await_ready`].
    ///
    /// Ends at once when an object is judged failed, is refused by Envoy Gateway, or a process of it ends again and again: then
    /// the failure carries its last log lines. At the deadline the failure names every object that is not ready.
    ///
    /// # Errors
    /// That, or a supervisor that is gone.
    pub async fn await_ready(&self, ids: &[ObjectId], judge: Judge, deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        ready::wait(self, ids, judge, deadline, on_wait).await
    }

    /// Asks what runs behind a Service: its status code and body. `path` is percent-encoded and starts with `/`.
    ///
    /// # Errors
    /// When nothing runs there, or it does not answer.
    pub async fn service_get(&self, service: &ServiceFile, path: &str) -> Result<(u16, String), Failure> {
        let what = || format!("cannot ask Service {}/{} port {}", service.namespace, service.name, service.port);
        let addresses = match self.ask(&Ask::Address { service: service.clone() }).await? {
            Answer::Address { addresses } => addresses,
            other => return Err(self.odd(&other)),
        };
        let Some(address) = addresses.first() else {
            return Err(Failure::step(what()).why("nothing that is ready runs behind it").hint("See `tstack status`."));
        };
        let answer = async {
            let target = Target::from_url(&format!("http://{address}{path}"))?;
            let limits = Limits { answer: SERVICE, body: 16 << 20, ..Limits::default() };
            Connection::open(&target, None, limits).await?.send(Method::GET, path, &HeaderMap::new()).await
        };
        let answer = answer.await.map_err(|e| Failure::step(what()).because(&e))?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// How the supervisor and its processes are.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn status(&self) -> Result<Status, Failure> {
        match self.ask(&Ask::Status).await? {
            Answer::Status(status) => Ok(status),
            other => Err(self.odd(&other)),
        }
    }

    /// The objects now and on each change.
    pub(super) async fn watch(&self, ids: &[ObjectId]) -> Result<Watch, Failure> {
        let lines = daemon::connect(SUPERVISOR, &self.state, &Ask::Watch { ids: ids.to_vec() }).await?;
        Ok(Watch { lines: lines.ok_or_else(|| self.gone())?, client: self.clone(), count: ids.len() })
    }

    async fn ok(&self, question: &Ask) -> Result<(), Failure> {
        match self.ask(question).await? {
            Answer::Ok => Ok(()),
            other => Err(self.odd(&other)),
        }
    }

    async fn ask(&self, question: &Ask) -> Result<Answer, Failure> {
        let mut lines = daemon::connect(SUPERVISOR, &self.state, question).await?.ok_or_else(|| self.gone())?;
        match timeout(PATIENCE, self.line(&mut lines)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.silent().why(format!("It said nothing for {} s.", PATIENCE.as_secs()))),
        }
    }

    async fn line(&self, lines: &mut BufReader<UnixStream>) -> Result<Answer, Failure> {
        let mut line = String::new();
        let count = lines.read_line(&mut line).await.map_err(|e| self.silent().because(&e))?;
        if count == 0 {
            return Err(self.gone());
        }
        match serde_json::from_str(&line) {
            Ok(Answer::Failed { failure }) => Err(failure),
            Ok(Answer::Error { message }) => {
                Err(self.silent().why(message).hint("It may be of another version of tstack: `tstack down`, then `tstack up`."))
            }
            Ok(answer) => Ok(answer),
            Err(e) => Err(self.silent().because(&e)),
        }
    }

    fn silent(&self) -> Failure {
        Failure::step(format!("the supervisor of {} does not answer", self.state.display()))
    }

    fn gone(&self) -> Failure {
        Failure::step(format!("the supervisor of {} is gone", self.state.display()))
            .hint("Run `tstack up` again: it starts a new one.")
            .hint(format!("Read its log: {}", SUPERVISOR.log(&self.state).display()))
    }

    fn odd(&self, answer: &Answer) -> Failure {
        // the answer itself may hold a Secret
        let kind = serde_json::to_value(answer).ok().and_then(|value| value["answer"].as_str().map(str::to_owned)).unwrap_or_default();
        Failure::new(FailureKind::Internal, format!("the supervisor of {} gave an answer to another question", self.state.display()))
            .why(kind)
    }
}

/// A stream of how objects are.
pub(super) struct Watch {
    client: Client,
    lines: BufReader<UnixStream>,
    count: usize,
}

impl Watch {
    /// How the objects are, in the order of the question: at first at once, then when one has changed.
    pub(super) async fn next(&mut self) -> Result<Vec<Seen>, Failure> {
        match self.client.line(&mut self.lines).await? {
            Answer::Objects { objects } if objects.len() == self.count => Ok(objects),
            other => Err(self.client.odd(&other)),
        }
    }
}
