//! The supervisor's one task: hears events, keeps the objects, and makes what they say so.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::envoys::Envoys;
use super::event::Event;
use super::folder::Folder;
use super::gateway::Content;
use super::keep::{Happened, Wish};
use super::relay::Relays;
use super::runs::{Role, Runs};
use super::store::Store;
use super::verdicts::{self, Next, Verdicts};
use super::wire::{Answer, Ask, Seen};
use super::{SUPERVISOR, Spec, Status};
use crate::daemon::{self, Log};
use crate::failure::Failure;
use crate::host::{self, Layout};
use crate::stack::{Object, ObjectId, ServiceFile};
use crate::world::child::Network;
use crate::world::memory;

/// How long the end of everything may take, and of that how long Envoy's.
const END: Duration = Duration::from_secs(10);
const ENVOY_END: Duration = Duration::from_secs(3);

/// What everybody may look at: how each object is.
pub(super) type Published = Arc<BTreeMap<ObjectId, Seen>>;

/// What Envoy Gateway is given.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) content: Content,
    /// The objects that it is made of, with their generations.
    pub(super) objects: BTreeMap<ObjectId, (String, Object, i64)>,
    /// The ports of the processes that it sends requests to.
    pub(super) ports: BTreeSet<u16>,
}

/// An object that Envoy Gateway refuses.
#[derive(Clone, Debug)]
pub(super) struct HeldBack {
    pub(super) generation: i64,
    pub(super) why: String,
    /// What is given in its place, and of which generation that is.
    pub(super) before: Option<(Object, i64)>,
}

/// What the task knows.
pub(super) struct Core {
    pub(super) folder: Folder,
    pub(super) spec: Spec,
    /// tstack itself, and the path on which `unshare` is looked for.
    pub(super) tstack: PathBuf,
    pub(super) path: OsString,
    pub(super) log: Log,
    pub(super) events: UnboundedSender<Event>,
    pub(super) store: Store,
    pub(super) ports: BTreeMap<String, BTreeMap<u16, u16>>,
    pub(super) layout: Layout,
    pub(super) runs: Runs,
    pub(super) envoys: Envoys,
    pub(super) relays: Relays,
    pub(super) verdicts: Verdicts,
    /// What Envoy Gateway was given last, and what it took last.
    pub(super) written: Option<Given>,
    pub(super) accepted: Option<Given>,
    /// What it refused whole, and why.
    pub(super) refused: Option<(Content, String)>,
    /// Objects in whose place those before them are given, since it refuses them.
    pub(super) held_back: BTreeMap<ObjectId, HeldBack>,
    pub(super) markers: u64,
    /// Envoy Gateway's start is being prepared, or has been; a stack without a Gateway needs none.
    pub(super) preparing: bool,
    pub(super) network: Option<Network>,
    pub(super) notes: BTreeSet<String>,
    pub(super) published: watch::Sender<Published>,
    /// What keeps the platform from running at all.
    pub(super) broken: Option<Failure>,
    since: Timestamp,
    /// Who waits for the end of these runs.
    leaving: Vec<(BTreeSet<u64>, oneshot::Sender<Answer>)>,
    stopping: Option<Instant>,
}

impl Core {
    pub(super) fn new(
        folder: Folder,
        spec: Spec,
        programs: (PathBuf, OsString),
        log: Log,
        events: UnboundedSender<Event>,
        published: watch::Sender<Published>,
    ) -> Self {
        Self {
            folder,
            spec,
            tstack: programs.0,
            path: programs.1,
            log,
            runs: Runs::new(events.clone()),
            events,
            store: Store::default(),
            ports: BTreeMap::new(),
            layout: Layout::default(),
            envoys: Envoys::default(),
            relays: Relays::default(),
            verdicts: Verdicts::default(),
            written: None,
            accepted: None,
            refused: None,
            held_back: BTreeMap::new(),
            markers: 0,
            preparing: false,
            network: None,
            notes: BTreeSet::new(),
            published,
            broken: None,
            since: crate::world::clock::now(),
            leaving: Vec::new(),
            stopping: None,
        }
    }

    /// Hears events until everything has ended.
    pub(super) async fn work(mut self, mut inbox: UnboundedReceiver<Event>) {
        // it takes the longest, so it begins before anything is applied
        self.start_gateway();
        loop {
            let heard = match self.stopping {
                None => inbox.recv().await,
                Some(_) if self.runs.is_empty() => break,
                Some(deadline) => match timeout_at(deadline, inbox.recv()).await {
                    Ok(event) => event,
                    Err(_) => break,
                },
            };
            let Some(event) = heard else { break };
            let mut changed = self.hear(event);
            // many at once are one change
            while let Ok(event) = inbox.try_recv() {
                changed |= self.hear(event);
            }
            if changed {
                self.reconcile();
            }
        }
        // what has not ended by now is killed with its group
        self.runs.drop_all();
        if let Err(failure) = self.folder.clear(self.envoys.count()) {
            (self.log)(&failure.what);
        }
        (self.log)("ended");
    }

    /// Takes an event in; whether something may have to be done about it.
    fn hear(&mut self, event: Event) -> bool {
        match event {
            Event::Asked(ask, to) => return self.asked(ask, to),
            Event::Happened(id, Happened::Line(line)) => return self.line(id, &line),
            Event::Happened(id, happened) => self.happened(id, &happened),
            Event::Prepared(Ok(prepared)) => {
                (self.network, self.broken) = (Some(prepared.network), None);
                for note in prepared.notes {
                    (self.log)(&note);
                    self.notes.insert(note);
                }
            }
            Event::Prepared(Err(failure)) => {
                if self.broken.as_ref() != Some(&failure) {
                    (self.log)(&format!("{}: {}", failure.what, failure.why.join("; ")));
                }
                self.broken = Some(failure);
            }
            Event::Launcher(id, args, to) => self.launcher(id, &args, to),
            Event::Carrying(id) => self.carrying(id),
            Event::LauncherGone(id) => self.launcher_gone(id),
            Event::NoLauncher(id) => self.no_launcher(id),
            Event::Listens(id, addresses) => self.listens(id, addresses),
            Event::Missing(id, reasons) => self.missing(id, reasons),
            Event::Again => {}
            Event::Stop => self.stop(),
        }
        true
    }

    fn asked(&mut self, ask: Ask, to: oneshot::Sender<Answer>) -> bool {
        let answer = match ask {
            Ask::Status => Answer::Status(self.status()),
            Ask::Apply { component, objects } => match self.apply(&component, objects) {
                Ok(()) => self.done(),
                Err(failure) => Answer::Failed { failure },
            },
            Ask::Delete { ids } => {
                for id in &ids {
                    self.store.delete(id);
                }
                self.reconcile();
                let leaving = self.runs.iter().filter(|(_, run)| run.is_stopping() && run.process().is_some());
                let leaving: BTreeSet<u64> = leaving.map(|(id, _)| id).collect();
                if !leaving.is_empty() {
                    self.leaving.push((leaving, to));
                    return false;
                }
                Answer::Ok
            }
            Ask::Adopt { spec } => match daemon::write_spec(SUPERVISOR, self.folder.state(), &spec) {
                Ok(()) => {
                    // until objects that name another program are applied, those that are there run on with theirs
                    let before = std::mem::replace(&mut self.spec, spec);
                    for (image, program) in before.images {
                        self.spec.images.entry(image).or_insert(program);
                    }
                    self.done()
                }
                Err(failure) => Answer::Failed { failure },
            },
            Ask::Address { service } => Answer::Address { addresses: self.addresses(&service) },
            // answered from what is published, or not for this task
            _ => Answer::Error { message: "not asked here".to_owned() },
        };
        // who asked may have gone
        drop(to.send(answer));
        false
    }

    fn done(&mut self) -> Answer {
        self.reconcile();
        Answer::Ok
    }

    /// Where a Service is reached.
    fn addresses(&self, service: &ServiceFile) -> Vec<SocketAddr> {
        let same = |other: &ServiceFile| (&other.namespace, &other.name, other.port) == (&service.namespace, &service.name, service.port);
        if self.spec.prometheus.as_ref().is_some_and(|prometheus| same(&prometheus.service)) {
            let serves = self.runs.of(&Role::Prometheus).is_some_and(|(_, run)| run.serves);
            return self.prometheus_address().filter(|_| serves).into_iter().collect();
        }
        let key = (service.namespace.clone(), service.name.clone(), service.port);
        self.layout.services.get(&key).cloned().unwrap_or_default()
    }

    fn apply(&mut self, component: &str, objects: Vec<Object>) -> Result<(), Failure> {
        let mut store = self.store.clone();
        let ids: BTreeSet<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
        store.apply(component, objects);
        let layout = host::layout(&store.all(), &self.surroundings());
        let faults: Vec<_> = layout.faults.iter().filter(|fault| ids.contains(&fault.id)).collect();
        if let Some(first) = faults.first() {
            let failure = Failure::step(format!("{} cannot be on this machine as it is written", first.id));
            let failure = faults.iter().fold(failure, |failure, fault| failure.why(format!("{}: {}", fault.id, fault.what)));
            return Err(faults.iter().fold(failure, |failure, fault| failure.hint(fault.hint.clone())));
        }
        self.store = store;
        Ok(())
    }

    fn line(&mut self, id: u64, line: &str) -> bool {
        if self.runs.get(id).is_none_or(|run| run.role != Role::Gateway) {
            return false;
        }
        let Some(line) = verdicts::read(line) else { return false };
        // it has no port that we can ask: that it reads is its readiness
        self.runs.happened(id, &Happened::Ready);
        if let verdicts::Line::Refused(why) = &line {
            self.was_refused(why);
        }
        match self.verdicts.hear(line) {
            Next::Nothing => {}
            Next::Mark => self.mark_again(),
            Next::Settled => {
                self.accepted.clone_from(&self.written);
                self.envoys.look_again();
            }
        }
        true
    }

    fn happened(&mut self, id: u64, happened: &Happened) {
        let name = self.runs.get(id).map_or_else(String::new, |run| run.name.clone());
        match happened {
            Happened::Started(pid) => (self.log)(&format!("{name}: started as process {pid}")),
            Happened::Ended { how, tail, .. } => {
                (self.log)(&format!("{name}: {how}{}", tail.last().map_or_else(String::new, |line| format!("; its last line: {line}"))));
            }
            Happened::Gone => (self.log)(&format!("{name}: ended")),
            Happened::Unready(why) => (self.log)(&format!("{name}: not ready: {why}")),
            Happened::Ready => (self.log)(&format!("{name}: ready")),
            Happened::Line(_) => {}
        }
        self.runs.happened(id, happened);
        match happened {
            Happened::Ended { .. } | Happened::Gone => {
                self.envoys.ended(id);
                self.other_port(id);
                for (leaving, _) in &mut self.leaving {
                    if *happened == Happened::Gone {
                        leaving.remove(&id);
                    }
                }
                let (done, waiting) = std::mem::take(&mut self.leaving).into_iter().partition(|(leaving, _)| leaving.is_empty());
                self.leaving = waiting;
                for (_, to) in done {
                    drop(to.send(Answer::Ok));
                }
            }
            // a proxy that was started anew gets its listeners anew
            Happened::Ready if self.runs.get(id).is_some_and(|run| matches!(run.role, Role::Envoy(_))) => self.envoys.look_again(),
            Happened::Started(_) if self.runs.get(id).is_some_and(|run| run.role == Role::Gateway) => self.verdicts.restarted(),
            _ => {}
        }
        if self.stopping.is_some() {
            self.stop_the_rest();
        }
    }

    /// Begins the end: first Envoy, so that the stack's processes get nothing new.
    fn stop(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        (self.log)("ending");
        self.stopping = Some(Instant::now() + END);
        self.relays = Relays::default();
        let platform: Vec<u64> = self.runs.iter().filter(|(_, run)| run.process().is_none()).map(|(id, _)| id).collect();
        for id in platform {
            self.runs.end(id, Wish::End(ENVOY_END));
        }
        self.stop_the_rest();
    }

    fn stop_the_rest(&mut self) {
        if self.runs.iter().any(|(_, run)| matches!(run.role, Role::Envoy(_))) {
            return;
        }
        let rest: Vec<u64> = self.runs.staying().map(|(id, _)| id).collect();
        for id in rest {
            self.runs.end(id, Wish::End(END));
        }
        // those that retire in their own time are hurried
        let retiring: Vec<u64> = self.runs.iter().filter(|(_, run)| run.process().is_some()).map(|(id, _)| id).collect();
        for id in retiring {
            self.runs.end(id, Wish::End(END));
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn status(&self) -> Status {
        let processes = self.runs.statuses();
        let own = memory::of_this();
        let memory = own + processes.iter().filter_map(|process| process.memory).sum::<u64>();
        let mut notes: Vec<String> = self.notes.iter().cloned().collect();
        notes.extend(self.broken.as_ref().map(|failure| failure.what.clone()));
        notes.extend(
            self.held_back
                .iter()
                .map(|(id, held)| format!("Envoy Gateway refuses {id} and works on with what was before it: {}", held.why)),
        );
        if let Some((_, why)) = &self.refused {
            notes.push(format!("Envoy Gateway refused the newest resources and works on with those before: {why}"));
        }
        Status { pid: std::process::id(), since: self.since, processes, memory, notes }
    }
}
