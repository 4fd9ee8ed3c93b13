//! The programs that are kept running, and how each is.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::event::Event;
use super::keep::{Happened, Order, Wish, keep};
use super::status::{ProcessState, ProcessStatus};
use crate::host;
use crate::world::memory;

/// What a program is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Envoy Gateway.
    Gateway,
    /// The Envoy of a Gateway.
    Envoy(String),
    /// Prometheus.
    Prometheus,
    /// A replica of the stack, as it was described when it was started.
    Process(Box<host::Process>),
}

/// One program that is kept running.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) order: Order,
    pub(super) pid: Option<u32>,
    pub(super) state: ProcessState,
    pub(super) reason: String,
    pub(super) tail: Vec<String>,
    /// It ended again and again.
    pub(super) hopeless: bool,
    /// It takes requests, as far as the others shall know.
    pub(super) serves: bool,
    /// It takes no requests any more, as soon as those who send them know.
    pub(super) drains: Option<Instant>,
    restarts: u32,
    last_end: Option<String>,
    /// How often it ended since it was well.
    ends: u32,
    wish: watch::Sender<Wish>,
    _task: AbortOnDropHandle<()>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Runs {
    all: BTreeMap<u64, Run>,
    last: u64,
    events: UnboundedSender<Event>,
}

impl Runs {
    pub(super) fn new(events: UnboundedSender<Event>) -> Self {
        Self { all: BTreeMap::new(), last: 0, events }
    }

    /// Starts to keep a program; gives its number.
    pub(super) fn start(&mut self, name: &str, role: Role, order: Order) -> u64 {
        self.last += 1;
        let id = self.last;
        let (wish, wished) = watch::channel(Wish::Run);
        let events = self.events.clone();
        // nobody hears when all ends
        let tell = move |happened| drop(events.send(Event::Happened(id, happened)));
        let task = AbortOnDropHandle::new(tokio::spawn(keep(order.clone(), wished, tell)));
        let run = Run {
            name: name.to_owned(),
            role,
            order,
            pid: None,
            state: ProcessState::Starting,
            reason: String::new(),
            tail: Vec::new(),
            hopeless: false,
            serves: false,
            drains: None,
            restarts: 0,
            last_end: None,
            ends: 0,
            wish,
            _task: task,
        };
        self.all.insert(id, run);
        id
    }

    /// Takes in what became of one; the run where it is gone.
    pub(super) fn happened(&mut self, id: u64, happened: &Happened) -> Option<Run> {
        let run = self.all.get_mut(&id)?;
        let stopping = run.is_stopping();
        match happened {
            Happened::Started(pid) => {
                run.pid = Some(*pid);
                if !stopping {
                    run.state = ProcessState::Starting;
                }
            }
            Happened::Ready if !stopping => {
                (run.state, run.serves, run.hopeless, run.ends) = (ProcessState::Ready, true, false, 0);
                run.reason.clear();
            }
            Happened::Unready(why) if !stopping => {
                // who was started again at once and has not opened its port yet keeps its place: a client is told the same either way, and to
                // be taken out and put back would take Envoy longer than the start
                run.serves &= run.ends == 1 && why.contains("Connection refused");
                if run.state == ProcessState::Ready {
                    run.state = ProcessState::Unready;
                }
                run.reason.clone_from(why);
            }
            Happened::Ended { how, tail, hopeless } => {
                run.pid = None;
                run.restarts += 1;
                run.ends += 1;
                // one that is started again at once at its old port keeps its place: its clients try again
                run.serves &= run.ends == 1;
                run.tail.clone_from(tail);
                run.hopeless = *hopeless;
                run.reason.clone_from(how);
                run.last_end = Some(how.clone());
                if !stopping {
                    run.state = ProcessState::Waiting;
                }
            }
            Happened::Gone => return self.all.remove(&id),
            _ => {}
        }
        None
    }

    /// Has one take no requests any more; it runs on until its end is wished.
    pub(super) fn drain(&mut self, id: u64) {
        if let Some(run) = self.all.get_mut(&id) {
            (run.state, run.serves, run.drains) = (ProcessState::Stopping, false, Some(Instant::now()));
        }
    }

    /// Wishes the end of one.
    pub(super) fn end(&mut self, id: u64, wish: Wish) {
        if let Some(run) = self.all.get_mut(&id) {
            run.state = ProcessState::Stopping;
            (run.serves, run.drains) = (false, None);
            run.wish.send_replace(wish);
        }
    }

    /// Has one started anew.
    pub(super) fn restart(&mut self, id: u64) {
        if let Some(run) = self.all.get_mut(&id).filter(|run| !run.is_stopping()) {
            run.wish.send_modify(|wish| {
                *wish = match *wish {
                    Wish::Restart(count) => Wish::Restart(count + 1),
                    _ => Wish::Restart(0),
                }
            });
        }
    }

    /// Ends all at once.
    pub(super) fn drop_all(&mut self) {
        self.all.clear();
    }

    pub(super) fn get(&self, id: u64) -> Option<&Run> {
        self.all.get(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Run)> {
        self.all.iter().map(|(id, run)| (*id, run))
    }

    /// Those that shall run on.
    pub(super) fn staying(&self) -> impl Iterator<Item = (u64, &Run)> {
        self.iter().filter(|(_, run)| !run.is_stopping())
    }

    /// The newest one with a role that shall run on.
    pub(super) fn of(&self, role: &Role) -> Option<(u64, &Run)> {
        self.staying().filter(|(_, run)| run.role == *role).last()
    }

    /// How all are, the platform's first.
    pub(super) fn statuses(&self) -> Vec<ProcessStatus> {
        let mut all: Vec<(&Run, ProcessStatus)> = self.all.values().map(|run| (run, run.status())).collect();
        all.sort_by_key(|(run, status)| (run.rank(), status.name.clone()));
        all.into_iter().map(|(_, status)| status).collect()
    }
}

impl Run {
    pub(super) fn is_stopping(&self) -> bool {
        self.state == ProcessState::Stopping
    }

    /// The replica that it is.
    pub(super) fn process(&self) -> Option<&host::Process> {
        match &self.role {
            Role::Process(process) => Some(process),
            _ => None,
        }
    }

    /// In the words of `host`.
    pub(super) fn running(&self, older: u32) -> host::Running {
        let state = match self.state {
            _ if self.hopeless => host::State::Failed(self.last_end.clone().unwrap_or_default()),
            ProcessState::Starting if self.reason.is_empty() => host::State::Starting,
            ProcessState::Ready => host::State::Ready,
            ProcessState::Starting | ProcessState::Unready | ProcessState::Stopping => host::State::NotReady(self.reason.clone()),
            ProcessState::Waiting => host::State::Ended(self.reason.clone()),
        };
        host::Running { state, restarts: self.restarts, older, log: self.tail.clone() }
    }

    const fn rank(&self) -> u8 {
        match self.role {
            Role::Gateway => 0,
            Role::Envoy(_) => 1,
            Role::Prometheus => 2,
            Role::Process(_) => 3,
        }
    }

    fn status(&self) -> ProcessStatus {
        ProcessStatus {
            name: self.name.clone(),
            component: self.process().map(|process| process.component.clone()),
            pid: self.pid,
            state: self.state,
            reason: self.reason.clone(),
            restarts: self.restarts,
            last_end: self.last_end.clone(),
            memory: self.pid.and_then(memory::of_process),
            log: self.order.log.clone(),
        }
    }
}
