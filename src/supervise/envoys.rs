//! The Envoys: which Gateway wants one, who carries its configuration, where it listens.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::ask::{Question, listeners};
use super::bootstrap::{self, Launch};
use super::core::Core;
use super::event::Event;
use super::keep::{Check, Checks, Order, Wish};
use super::runs::Role;
use crate::failure::Failure;
use crate::host::Listener;
use crate::stack::ObjectId;
use crate::world::backoff::{Backoff, pause};
use crate::world::child::{Network, Program};
use crate::world::ports::who_listens;

/// How long Envoy Gateway may take to end after its launcher, before the launcher counts as killed alone.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long an answer of Envoy's admin interface may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long an Envoy may take to listen where it should, before it is said that it does not.
const LISTENS: Duration = Duration::from_secs(3);
/// For how long it is looked for.
const LOOK: Duration = Duration::from_mins(1);
/// How long an Envoy has to end.
const GRACE: Duration = Duration::from_secs(5);

/// All Envoys, by the Gateway that each is for.
#[derive(Debug, Default)]
pub(super) struct Envoys {
    all: BTreeMap<String, Envoy>,
    /// Numbers are never given twice: a socket's path is one Envoy's.
    count: usize,
}

/// One of them.
#[derive(Debug)]
struct Envoy {
    number: usize,
    launch: Launch,
    /// The launcher, whether it carries, and the process id of Envoy Gateway that started it.
    launcher: Option<(u64, bool, Option<u32>)>,
    /// The run that is told to listen on these ports.
    run: Option<u64>,
    expect: watch::Sender<(u64, BTreeSet<u16>)>,
    listening: BTreeSet<SocketAddr>,
    /// Why it is not run any more.
    forbidden: Option<String>,
    /// What keeps it from listening.
    missing: Vec<String>,
    /// Looks where it listens.
    look: Option<AbortOnDropHandle<()>>,
}

impl Envoys {
    /// How many there have been.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The ports that are listened on.
    pub(super) fn listening(&self) -> BTreeSet<u16> {
        self.all.values().flat_map(|envoy| &envoy.listening).map(SocketAddr::port).collect()
    }

    /// Has every Envoy asked anew where it listens.
    pub(super) fn look_again(&self) {
        for envoy in self.all.values() {
            envoy.expect.send_modify(|(count, _)| *count += 1);
        }
    }

    /// A run has ended.
    pub(super) fn ended(&mut self, run: u64) {
        if let Some(envoy) = self.of_run(run) {
            envoy.listening.clear();
        }
    }

    /// Why a Gateway is not served: whether waiting does not help, and the reason.
    pub(super) fn trouble(&self, gateway: &str) -> Option<(bool, String)> {
        let envoy = self.all.get(gateway)?;
        if let Some(why) = &envoy.forbidden {
            return Some((true, why.clone()));
        }
        (!envoy.missing.is_empty()).then(|| (false, envoy.missing.join("; ")))
    }

    fn of_run(&mut self, run: u64) -> Option<&mut Envoy> {
        self.all.values_mut().find(|envoy| envoy.run == Some(run))
    }

    fn of_launcher(&mut self, launcher: u64) -> Option<(&String, &mut Envoy)> {
        self.all.iter_mut().find(|(_, envoy)| envoy.launcher.is_some_and(|(id, _, _)| id == launcher))
    }
}

impl Core {
    pub(super) fn launcher(&mut self, id: u64, args: &[String], to: oneshot::Sender<Result<PathBuf, Failure>>) {
        let say = |answer| drop(to.send(answer));
        let fail = |why: String| Failure::step("the arguments for Envoy cannot be used").why(why);
        let cluster = match bootstrap::cluster(args) {
            Ok(cluster) => cluster.to_owned(),
            Err(why) => return say(Err(fail(why))),
        };
        let number = self.envoys.all.get(&cluster).map_or(self.envoys.count, |envoy| envoy.number);
        let (admin, xds) = (self.folder.admin(number), self.folder.xds(number));
        let launch = match bootstrap::adapt(args, &admin, &xds) {
            Ok(launch) => launch,
            Err(why) => return say(Err(fail(why))),
        };
        let pid = self.runs.of(&Role::Gateway).and_then(|(_, run)| run.pid);
        (self.log)(&format!("Envoy Gateway wants an Envoy for {cluster}"));
        if let Some(envoy) = self.envoys.all.get_mut(&cluster) {
            envoy.launcher = Some((id, false, pid));
            envoy.launch = launch;
        } else {
            self.envoys.count += 1;
            let envoy = Envoy {
                number,
                launch,
                launcher: Some((id, false, pid)),
                run: None,
                expect: watch::channel((0, BTreeSet::new())).0,
                listening: BTreeSet::new(),
                forbidden: None,
                missing: Vec::new(),
                look: None,
            };
            self.envoys.all.insert(cluster, envoy);
        }
        say(Ok(xds));
    }

    pub(super) fn carrying(&mut self, id: u64) {
        if let Some((_, envoy)) = self.envoys.of_launcher(id)
            && let Some(launcher) = &mut envoy.launcher
        {
            launcher.1 = true;
        }
    }

    pub(super) fn launcher_gone(&mut self, id: u64) {
        let Some((cluster, _)) = self.envoys.of_launcher(id) else { return };
        (self.log)(&format!("the launcher for {cluster} is gone"));
        // whether Envoy Gateway ended, or ended it, or somebody else did shows a moment later
        let events = self.events.clone();
        tokio::spawn(async move {
            pause(PATIENCE).await;
            drop(events.send(Event::NoLauncher(id)));
        });
    }

    pub(super) fn no_launcher(&mut self, id: u64) {
        let gateway = self.runs.of(&Role::Gateway).map(|(run, known)| (run, known.pid));
        let Some((cluster, envoy)) = self.envoys.of_launcher(id) else { return };
        let Some((_, _, started_by)) = envoy.launcher.take() else { return };
        let cluster = cluster.clone();
        if let Some((run, pid)) = gateway
            && pid.is_some()
            && pid == started_by
            && self.is_wanted(&cluster)
        {
            (self.log)(&format!(
                "Envoy Gateway lives without its launcher for {cluster}, and would never start another: it is started anew"
            ));
            self.runs.restart(run);
        }
    }

    pub(super) fn listens(&mut self, run: u64, addresses: BTreeSet<SocketAddr>) {
        let outside: Vec<String> = addresses.iter().filter(|address| !address.ip().is_loopback()).map(SocketAddr::to_string).collect();
        let Some(envoy) = self.envoys.of_run(run) else { return };
        if outside.is_empty() {
            if envoy.listening != addresses {
                let text: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
                (self.log)(&format!("Envoy listens on {}", if text.is_empty() { "nothing".to_owned() } else { text.join(", ") }));
            }
            envoy.listening = addresses;
            return;
        }
        let why = format!("Envoy listened on {}, which is not loopback, and was ended at once", outside.join(", "));
        (self.log)(&why);
        envoy.forbidden = Some(why);
        envoy.listening.clear();
        (envoy.run, envoy.look) = (None, None);
        self.runs.end(run, Wish::End(Duration::ZERO));
    }

    pub(super) fn missing(&mut self, run: u64, reasons: Vec<String>) {
        if let Some(envoy) = self.envoys.of_run(run) {
            for reason in &reasons {
                (self.log)(reason);
            }
            envoy.missing = reasons;
        }
    }

    /// Starts and ends Envoys as Gateways and launchers are.
    pub(super) fn reconcile_envoys(&mut self) {
        let clusters: Vec<String> = self.envoys.all.keys().cloned().collect();
        for cluster in clusters {
            let wanted = self.is_wanted(&cluster);
            let ports = self.expected_ports(&cluster);
            let role = Role::Envoy(cluster.clone());
            let leaving = self.runs.iter().any(|(_, run)| run.role == role && run.is_stopping());
            let program = self.spec.envoy.clone();
            let Some(envoy) = self.envoys.all.get_mut(&cluster) else { continue };
            envoy.expect.send_if_modified(|(_, expected)| {
                let changed = *expected != ports;
                expected.clone_from(&ports);
                changed
            });
            if envoy.missing.is_empty() || ports.is_subset(&envoy.listening.iter().map(SocketAddr::port).collect()) {
                envoy.missing.clear();
            }
            let run = envoy.run.and_then(|id| self.runs.get(id).map(|run| (id, run)));
            let same = run.is_some_and(|(_, run)| {
                run.order.program.path == program
                    && run.order.program.args.iter().map(|arg| arg.to_string_lossy()).eq(envoy.launch.args.iter().map(String::as_str))
            });
            let orphaned = !wanted && envoy.launcher.is_none();
            if let Some((id, _)) = run
                && (orphaned || !same)
            {
                self.runs.end(id, Wish::End(GRACE));
                (envoy.run, envoy.look) = (None, None);
                envoy.listening.clear();
            } else if orphaned && run.is_none() && !leaving {
                self.envoys.all.remove(&cluster);
            } else if run.is_none() && !leaving && envoy.forbidden.is_none() && envoy.launcher.is_some_and(|(_, carries, _)| carries) {
                self.start_envoy(&cluster, role);
            }
        }
    }

    fn start_envoy(&mut self, cluster: &str, role: Role) {
        let Some(envoy) = self.envoys.all.get(cluster) else { return };
        let (number, args, expect) = (envoy.number, envoy.launch.args.clone(), envoy.expect.subscribe());
        let admin = self.folder.admin(number);
        let name = format!("envoy/{cluster}");
        let program = Program { args: args.into_iter().map(Into::into).collect(), ..self.program(&name, self.spec.envoy.clone()) };
        let readiness = Check {
            question: Question::Socket(admin.clone(), "/ready"),
            delay: Duration::ZERO,
            period: Duration::from_secs(5),
            timeout: ANSWER,
            successes: 1,
            failures: 3,
        };
        let order = Order {
            program: Program { network: Network::Shared, ..program },
            log: self.folder.log(&name),
            checks: Checks { readiness: Some(readiness), ..Checks::default() },
            grace: GRACE,
            tells_lines: false,
        };
        let id = self.runs.start(&name, role, order);
        let look = AbortOnDropHandle::new(tokio::spawn(look(id, admin, expect, self.events.clone())));
        if let Some(envoy) = self.envoys.all.get_mut(cluster) {
            (envoy.run, envoy.look) = (Some(id), Some(look));
        }
    }

    /// The listeners of each Gateway that the Envoy is for. Of merged Gateways the Envoy has the name of their class.
    fn listeners_of(&self, cluster: &str) -> impl Iterator<Item = &Vec<Listener>> {
        let gateway = cluster.split_once('/');
        let is_its = move |id: &ObjectId| gateway.is_none_or(|(namespace, name)| id.namespace_or_default() == namespace && id.name == name);
        self.layout.listeners.iter().filter(move |(id, _)| is_its(id)).map(|(_, listeners)| listeners)
    }

    fn is_wanted(&self, cluster: &str) -> bool {
        self.listeners_of(cluster).next().is_some()
    }

    fn expected_ports(&self, cluster: &str) -> BTreeSet<u16> {
        self.listeners_of(cluster).flatten().map(|listener| listener.host).collect()
    }
}

/// Tells where an Envoy listens, from each change of what is expected on until it is so. Envoy has no event for that.
async fn look(run: u64, admin: PathBuf, mut expect: watch::Receiver<(u64, BTreeSet<u16>)>, events: UnboundedSender<Event>) {
    loop {
        let expected = expect.borrow_and_update().1.clone();
        tokio::select! {
            () = look_until(run, &admin, &expected, &events) => {
                if expect.changed().await.is_err() {
                    return;
                }
            }
            changed = expect.changed() => if changed.is_err() {
                return;
            },
        }
        if events.is_closed() {
            return;
        }
    }
}

async fn look_until(run: u64, admin: &Path, expected: &BTreeSet<u16>, events: &UnboundedSender<Event>) {
    let (began, mut backoff, mut told) = (Instant::now(), Backoff::new(), false);
    while began.elapsed() < LOOK {
        if let Ok(found) = listeners(admin, ANSWER).await {
            let found: BTreeSet<SocketAddr> = found.into_iter().collect();
            let ports: BTreeSet<u16> = found.iter().map(SocketAddr::port).collect();
            drop(events.send(Event::Listens(run, found)));
            if expected.is_subset(&ports) {
                return;
            }
            let missing: Vec<u16> = expected.difference(&ports).copied().collect();
            if !told && began.elapsed() > LISTENS && !missing.is_empty() {
                told = true;
                drop(events.send(Event::Missing(run, missing.into_iter().filter_map(held).collect())));
            }
        }
        backoff.pause().await;
    }
}

/// Who else has a port.
fn held(port: u16) -> Option<String> {
    let owner = who_listens(port, &[]).ok().flatten()?;
    Some(format!("port {port} is held by {owner}. {}", owner.hint(port)))
}
