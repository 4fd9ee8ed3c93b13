//! The supervisor's inside: what the hidden verb `supervisor` runs.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::core::{Core, Published};
use super::event::{Event, Prepared};
use super::folder::Folder;
use super::wire::{Answer, Ask, Carrying, Seen};
use super::{SUPERVISOR, Spec, gateway, ports};
use crate::daemon::{self, Door, Lock, Talk, allow_many_files, leaving_its_failure, log_to, watch_signals};
use crate::failure::{Failure, FailureKind};
use crate::stack::ObjectId;
use crate::world::backoff::{Backoff, pause};
use crate::world::child::{Network, own_network};
use crate::world::orphans;
use crate::world::ports::who_listens;

/// How often the supervisor looks whether it is still wanted. The file systems that state folders lie on have no common watch.
const WANTED: Duration = Duration::from_secs(2);
/// Envoy Gateway's admin port in a network of its own.
const ADMIN: u16 = 19000;

/// Holds the processes of a state folder until it is stopped by its socket or a signal, or its spec is taken away. `path` is where
/// `unshare` is looked for.
///
/// # Errors
/// When another supervisor serves this folder, the spec is not there, or the folder cannot be written. The failure is left in the
/// state folder too, for the one who started the supervisor.
pub async fn run(state: &Path, path: &OsStr) -> Result<(), Failure> {
    leaving_its_failure(SUPERVISOR, state, inside(state, path)).await
}

async fn inside(state: &Path, path: &OsStr) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let _signals = watch_signals(&stop)?;
    allow_many_files();
    let Some(lock) = Lock::take(SUPERVISOR, state).await? else {
        return Err(Failure::new(FailureKind::Held, format!("another supervisor serves {}", state.display()))
            .hint("Ask it with `tstack status`, or end it with `tstack down`."));
    };
    let Some(spec) = daemon::read_spec::<Spec>(SUPERVISOR, state)? else {
        return Err(Failure::usage(format!("there is nothing to supervise: {} holds no spec", state.display())));
    };
    let tstack = std::env::current_exe().map_err(|e| Failure::step("cannot tell where tstack itself is").because(&e))?;
    let folder = Folder::new(state);
    let log = log_to(SUPERVISOR.log(state));
    // children end with their supervisor; this is for what they started themselves
    let left = orphans::end(&folder.mark()).await?;
    if left > 0 {
        log(&format!("{left} processes of a supervisor before this one were ended"));
    }
    folder.make()?;
    let door = Door::open(SUPERVISOR, state, &lock)?;
    let (events, inbox) = unbounded_channel();
    let (published, seen) = watch::channel(Published::default());
    let core = Core::new(folder, spec, (tstack, path.to_owned()), log, events.clone(), published);
    let callers = Arc::new(Callers { events: events.clone(), seen, stop: stop.clone(), launchers: AtomicU64::new(0) });
    let serve = async {
        // who asks for the end finds nobody at the door while it comes
        let door = door;
        door.serve(&stop, |talk| answer(talk, callers.clone())).await;
    };
    let stopped = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = while_wanted(state) => stop.cancel(),
        }
        drop(events.send(Event::Stop));
    };
    tokio::join!(serve, stopped, core.work(inbox));
    // given back by the kernel when this process is gone: who waits for the lock finds nothing of us
    std::mem::forget(lock);
    Ok(())
}

/// Returns when the spec was taken away.
async fn while_wanted(state: &Path) {
    loop {
        pause(WANTED).await;
        // unknown is no reason to end
        if let Ok(None) = daemon::read_spec::<serde::de::IgnoredAny>(SUPERVISOR, state) {
            return;
        }
    }
}

/// Prepares Envoy Gateway's start until that is done: a port that it needs may become free.
pub(super) async fn prepare(folder: Folder, spec: Spec, tstack: PathBuf, path: OsString, events: UnboundedSender<Event>) {
    let mut backoff = Backoff::new();
    loop {
        let prepared = try_to_prepare(&folder, &spec, &tstack, &path).await;
        let done = prepared.is_ok();
        if events.send(Event::Prepared(prepared)).is_err() || done {
            return;
        }
        backoff.pause().await;
    }
}

/// Finds a network for Envoy Gateway and makes its files.
async fn try_to_prepare(folder: &Folder, spec: &Spec, tstack: &Path, path: &OsStr) -> Result<Prepared, Failure> {
    // its certificates do not wait for the network
    let mark = folder.mark();
    let (network, certificates) = tokio::join!(own_network(tstack, &mark, path), gateway::make_certificates(folder, &spec.gateway));
    certificates?;
    let mut notes = Vec::new();
    let admin = if network.is_none() {
        busy()?;
        let [health, xds, wasm] = gateway::PORTS;
        notes.push(format!(
            "Envoy Gateway listens on all interfaces, at ports {health}, {xds} and {wasm}: this system gives it no network of its own"
        ));
        ports::choose("the admin port of Envoy Gateway", &BTreeSet::new()).unwrap_or(ADMIN)
    } else {
        ADMIN
    };
    gateway::prepare(folder, &spec.envoy_version, tstack, admin)?;
    Ok(Prepared { network: network.unwrap_or(Network::Shared), notes })
}

/// Who holds a port that Envoy Gateway needs.
fn busy() -> Result<(), Failure> {
    for port in gateway::PORTS {
        if let Some(owner) = who_listens(port, &[])? {
            return Err(Failure::preflight(format!("port {port}, which Envoy Gateway needs, is held by {owner}"))
                .why("It listens there on all interfaces, since this system gives it no network of its own, and cannot be told another port.")
                .hint(owner.hint(port)));
        }
    }
    Ok(())
}

/// What callers are answered from.
struct Callers {
    events: UnboundedSender<Event>,
    seen: watch::Receiver<Published>,
    stop: CancellationToken,
    launchers: AtomicU64,
}

async fn answer(mut talk: Talk, callers: Arc<Callers>) {
    let Some(ask) = talk.hear::<Ask>().await else { return };
    let answer = match ask {
        Ask::Stop => {
            let _ = talk.say(&Answer::Ok).await;
            return callers.stop.cancel();
        }
        Ask::Watch { ids } => return tell_changes(&mut talk, &ids, callers.seen.clone()).await,
        Ask::Get { ids } => Answer::Objects { objects: of(&callers.seen.borrow(), &ids) },
        Ask::Envoy { args } => return launcher(&mut talk, args, &callers).await,
        ask => {
            let (to, answer) = oneshot::channel();
            drop(callers.events.send(Event::Asked(ask, to)));
            answer.await.unwrap_or_else(|_| Answer::Failed { failure: Failure::step("the supervisor ends") })
        }
    };
    // a caller that is gone needs no answer
    let _ = talk.say(&answer).await;
}

fn of(published: &Published, ids: &[ObjectId]) -> Vec<Seen> {
    ids.iter().map(|id| published.get(id).cloned().unwrap_or_default()).collect()
}

/// Tells how objects are, now and on each change, until the caller hangs up.
async fn tell_changes(talk: &mut Talk, ids: &[ObjectId], mut seen: watch::Receiver<Published>) {
    let mut told = None;
    loop {
        let objects = of(&seen.borrow_and_update(), ids);
        if told.as_ref() != Some(&objects) {
            if talk.say(&Answer::Objects { objects: objects.clone() }).await.is_err() {
                return;
            }
            told = Some(objects);
        }
        tokio::select! {
            changed = seen.changed() => if changed.is_err() {
                return;
            },
            () = talk.gone() => return,
        }
    }
}

/// Speaks with a launcher for as long as it lives.
async fn launcher(talk: &mut Talk, args: Vec<String>, callers: &Callers) {
    let id = callers.launchers.fetch_add(1, Relaxed);
    let (to, socket) = oneshot::channel();
    drop(callers.events.send(Event::Launcher(id, args, to)));
    let answer = match socket.await {
        Ok(Ok(socket)) => Answer::Carry { socket },
        Ok(Err(failure)) => Answer::Failed { failure },
        Err(_) => return,
    };
    if talk.say(&answer).await.is_ok() && talk.hear::<Carrying>().await.is_some() {
        drop(callers.events.send(Event::Carrying(id)));
        talk.gone().await;
    }
    drop(callers.events.send(Event::LauncherGone(id)));
}
