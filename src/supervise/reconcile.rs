//! Makes what the objects say so: processes, Envoy Gateway's resources, Prometheus' targets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::ask::Question;
use super::core::{Core, Given, HeldBack};
use super::event::Event;
use super::gateway;
use super::keep::{Check, Checks, Order, Wish};
use super::run::prepare;
use super::runs::Role;
use super::status::ProcessState;
use super::{ports, scrape, verdicts};
use crate::host::{self, Process, Serving, Surroundings, VerdictKey};
use crate::stack::{Object, ObjectId};
use crate::world::backoff::pause;
use crate::world::child::{Network, Program};
use crate::world::files;
use crate::world::ports::who_listens;

/// The marker's name in a layout; in a file it has a number too.
const MARKER: &str = "tstack-marker";
/// How long the platform's programs have to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long a process that takes no requests any more runs on where Envoy Gateway does not answer.
const DRAIN: Duration = Duration::from_secs(10);
/// How long Prometheus keeps what it scraped.
const RETENTION: &str = "2h";

impl Core {
    /// What is around the objects.
    pub(super) fn surroundings(&self) -> Surroundings {
        let serving = self.runs.iter().filter(|(_, run)| run.serves).filter_map(|(_, run)| run.process());
        Surroundings {
            expose: self.spec.exposures.clone(),
            images: self.spec.images.clone(),
            ports: self.ports.clone(),
            serving: serving.map(|process| Serving { process: process.name.clone(), ports: process.ports.clone() }).collect(),
            envoy: self.spec.envoy_version.clone(),
            ipv6: ports::has_ipv6(),
            marker: MARKER.to_owned(),
        }
    }

    /// Does what has to be done since something changed, and tells how everything is.
    pub(super) fn reconcile(&mut self) {
        if !self.is_stopping() {
            self.start_gateway();
            self.reconcile_processes();
            self.reconcile_envoys();
            self.reconcile_relays();
            self.write_resources();
            self.end_drained();
            self.reconcile_prometheus();
        }
        self.publish();
    }

    pub(super) fn start_gateway(&mut self) {
        if self.spec.gateway.as_os_str().is_empty() {
            if let Some((id, _)) = self.runs.of(&Role::Gateway) {
                self.runs.end(id, Wish::End(GRACE));
            }
            return;
        }
        if !std::mem::replace(&mut self.preparing, true) {
            let (folder, spec) = (self.folder.clone(), self.spec.clone());
            tokio::spawn(prepare(folder, spec, self.tstack.clone(), self.path.clone(), self.events.clone()));
        }
        let Some(network) = self.network else { return };
        let known = self.runs.of(&Role::Gateway).map(|(id, run)| (id, run.order.program.path.clone()));
        match known {
            Some((_, path)) if path == self.spec.gateway => return,
            Some((id, _)) => return self.runs.end(id, Wish::End(GRACE)),
            // its ports are free when it is gone
            None if self.runs.iter().any(|(_, run)| run.role == Role::Gateway) => return,
            None => {}
        }
        let name = "envoy-gateway";
        let program = Program { args: gateway::args(&self.folder), network, ..self.program(name, self.spec.gateway.clone()) };
        let order = Order {
            program,
            log: self.folder.log(name),
            checks: Checks { is_told: true, ..Checks::default() },
            grace: GRACE,
            tells_lines: true,
        };
        self.runs.start(name, Role::Gateway, order);
    }

    /// A program of ours in a folder of its own.
    pub(super) fn program(&self, name: &str, path: PathBuf) -> Program {
        let folder = self.folder.work(name);
        // a folder that cannot be made shows when the program is started
        drop(files::make_private_dir(&folder));
        Program {
            tstack: self.tstack.clone(),
            path,
            args: Vec::new(),
            env: vec![("PATH".into(), self.path.clone()), ("HOME".into(), folder.clone().into())],
            folder,
            mark: self.folder.mark(),
            network: Network::Shared,
        }
    }

    fn reconcile_processes(&mut self) {
        self.held_back.retain(|id, held| self.store.generation(id) == Some(held.generation));
        let objects = self.in_force();
        let wanted = host::wanted_ports(&objects);
        let leaving: BTreeSet<String> = self.runs.iter().map(|(_, run)| run.name.clone()).collect();
        self.ports.retain(|name, _| wanted.contains_key(name) || leaving.contains(name));
        for (name, containers) in &wanted {
            if self.ports.get(name).is_none_or(|ports| !ports.keys().eq(containers)) {
                self.give_ports(name, containers);
            }
        }
        self.layout = host::layout(&objects, &self.surroundings());
        // one that is described otherwise than it runs is started beside its older run, at other ports
        let changed: Vec<String> =
            self.layout.processes.iter().filter(|process| self.is_changed(process)).map(|p| p.name.clone()).collect();
        if !changed.is_empty() {
            for name in &changed {
                if let Some(containers) = wanted.get(name) {
                    self.give_ports(name, containers);
                }
            }
            self.layout = host::layout(&objects, &self.surroundings());
        }
        for process in self.layout.processes.clone() {
            if changed.contains(&process.name) || self.newest(&process.name).is_none() {
                self.start_process(&process);
            }
        }
        self.retire();
    }

    fn give_ports(&mut self, name: &str, containers: &BTreeSet<u16>) {
        let mut taken: BTreeSet<u16> = self.ports.values().flat_map(BTreeMap::values).copied().collect();
        let running = self.runs.iter().filter_map(|(_, run)| run.process());
        taken.extend(running.flat_map(|process| process.ports.values().copied()));
        let mut given = BTreeMap::new();
        for container in containers {
            let place = format!("{}/{name}/{container}", self.folder.state().display());
            if let Some(port) = ports::choose(&place, &taken) {
                taken.insert(port);
                given.insert(*container, port);
            }
        }
        self.ports.insert(name.to_owned(), given);
    }

    /// The newest run of a replica that shall stay, and what it was started as.
    fn newest(&self, name: &str) -> Option<(u64, &Process)> {
        self.runs.staying().filter(|(_, run)| run.name == name).filter_map(|(id, run)| Some((id, run.process()?))).last()
    }

    fn is_changed(&self, process: &Process) -> bool {
        self.newest(&process.name).is_some_and(|(_, running)| running != process)
    }

    fn start_process(&mut self, process: &Process) {
        let mut program = self.program(&process.name, process.program.clone());
        program.args = process.args.iter().map(Into::into).collect();
        // what the object says comes last
        program.env.extend(process.env.iter().map(|(name, value)| (name.into(), value.into())));
        let checks = Checks {
            startup: process.startup.as_ref().map(Check::from),
            readiness: process.readiness.as_ref().map(Check::from),
            liveness: process.liveness.as_ref().map(Check::from),
            is_told: false,
        };
        let log = self.folder.log(&process.name);
        let order = Order { program, log, checks, grace: process.grace, tells_lines: false };
        self.runs.start(&process.name, Role::Process(Box::new(process.clone())), order);
    }

    /// Ends what the layout has no longer, and older runs whose successor takes requests.
    fn retire(&mut self) {
        let wanted: BTreeSet<&str> = self.layout.processes.iter().map(|process| process.name.as_str()).collect();
        let mut ending = Vec::new();
        for (id, run) in self.runs.staying().filter(|(_, run)| run.process().is_some()) {
            let newest = self.newest(&run.name).is_some_and(|(newest, _)| newest == id);
            let replaced = || self.runs.staying().any(|(other, o)| other > id && o.name == run.name && o.state == ProcessState::Ready);
            if !wanted.contains(run.name.as_str()) || (!newest && (replaced() || run.state == ProcessState::Waiting)) {
                ending.push(id);
            }
        }
        if ending.is_empty() {
            return;
        }
        for id in ending {
            self.runs.drain(id);
            // where Envoy Gateway does not come to it, the process ends all the same
            let events = self.events.clone();
            tokio::spawn(async move {
                pause(DRAIN).await;
                drop(events.send(Event::Again));
            });
        }
        self.layout = host::layout(&self.in_force(), &self.surroundings());
    }

    /// Ends processes that take no requests any more. Envoy sends them some until its Envoy Gateway has judged what was written without
    /// them: that is waited for, and not a time that is mostly long enough.
    fn end_drained(&mut self) {
        let given = [&self.written, &self.accepted];
        let used: BTreeSet<u16> = given.into_iter().flatten().flat_map(|given| given.ports.iter().copied()).collect();
        let draining = self.runs.iter().filter_map(|(id, run)| Some((id, run, run.drains?)));
        let done = draining.filter(|(_, run, since)| {
            let ports = run.process().map(|process| process.ports.values()).into_iter().flatten();
            self.broken.is_some() || since.elapsed() >= DRAIN || !ports.into_iter().any(|port| used.contains(port))
        });
        let done: Vec<(u64, Duration)> = done.map(|(id, run, _)| (id, run.order.grace)).collect();
        for (id, grace) in done {
            self.runs.end(id, Wish::End(grace));
        }
    }

    /// The objects, with those before them in the place of those that Envoy Gateway refuses.
    fn in_force(&self) -> Vec<(String, Object)> {
        let all = self.store.all().into_iter();
        let one = |(component, object): (String, Object)| match self.held_back.get(&object.id) {
            Some(held) => held.before.as_ref().map(|(before, _)| (component, before.clone())),
            None => Some((component, object)),
        };
        all.filter_map(one).collect()
    }

    /// A process that ended while somebody else took one of its ports gets others.
    pub(super) fn other_port(&mut self, id: u64) {
        let Some(process) = self.runs.get(id).filter(|run| !run.is_stopping()).and_then(|run| run.process()).cloned() else { return };
        let Some(port) = process.ports.values().find(|port| !ports::is_free(**port)) else { return };
        let owner = who_listens(*port, &[]).ok().flatten().map_or_else(|| "somebody".to_owned(), |owner| owner.to_string());
        let note = format!("port {port} of {} was taken by {owner} when it ended; it gets another", process.name);
        (self.log)(&note);
        self.notes.insert(note);
        self.ports.remove(&process.name);
    }

    fn write_resources(&mut self) {
        let content = gateway::without_marker(&self.layout.files, self.layout.marker.as_ref());
        let given = Given { content, objects: self.given_objects(), ports: self.serving_ports() };
        if let Some(written) = self.written.as_mut().filter(|written| written.content == given.content) {
            // what changed means nothing to Envoy Gateway, so its word on what was before is its word on this
            if written.objects != given.objects {
                written.objects.clone_from(&given.objects);
                if let Some(accepted) = self.accepted.as_mut().filter(|accepted| accepted.content == given.content) {
                    accepted.objects.clone_from(&given.objects);
                }
                self.verdicts.renumbered(given.generations());
            }
            return;
        }
        if let Some((refused, _)) = &self.refused {
            if *refused == given.content {
                return;
            }
            self.refused = None;
        }
        if self.written.is_none() && given.content.values().all(Vec::is_empty) {
            return;
        }
        let (generations, whole) = (given.generations(), given.content.len() == 1);
        self.written = Some(given);
        let marker = self.write_marked();
        if marker.is_none() {
            // nothing leads to a Gateway, so nobody has to hear of it first
            self.accepted.clone_from(&self.written);
        }
        self.verdicts.wrote(generations, marker, whole);
    }

    /// The objects that are in force, each with its component and generation.
    fn given_objects(&self) -> BTreeMap<ObjectId, (String, Object, i64)> {
        let generation = |id: &ObjectId| match self.held_back.get(id).and_then(|held| held.before.as_ref()) {
            Some((_, before)) => *before,
            None => self.store.generation(id).unwrap_or(1),
        };
        let objects = self.in_force().into_iter().map(|(component, object)| {
            let generation = generation(&object.id);
            (object.id.clone(), (component, object, generation))
        });
        objects.collect()
    }

    fn serving_ports(&self) -> BTreeSet<u16> {
        self.surroundings().serving.iter().flat_map(|serving| serving.ports.values().copied()).collect()
    }

    /// Writes the same once more, with another marker.
    pub(super) fn mark_again(&mut self) {
        if let Some(marker) = self.write_marked() {
            self.verdicts.marked(marker);
        }
    }

    fn write_marked(&mut self) -> Option<VerdictKey> {
        self.markers += 1;
        let name = format!("{MARKER}-{}", self.markers);
        let marker = self.layout.marker.as_ref().map(|id| (id, name.as_str()));
        if let Err(failure) = gateway::write(&self.folder, &self.layout.files, marker) {
            (self.log)(&format!("{}: {}", failure.what, failure.why.join("; ")));
        }
        let (id, _) = marker?;
        Some(verdict_key(&ObjectId { name, ..id.clone() }))
    }

    /// Envoy Gateway refused what was written, whole. Where the objects that it can mean are known, those before them are written in
    /// their place with all else that is new; else what it took last is written again, so that it has that after a start too.
    pub(super) fn was_refused(&mut self, why: &str) {
        let Some(refused) = self.written.clone() else { return };
        (self.log)(&format!("Envoy Gateway refused what was written: {why}"));
        let before = self.accepted.as_ref().map(|given| &given.objects);
        let taken = |id: &ObjectId| before.and_then(|objects| objects.get(id));
        let is_new = |id: &ObjectId, generation: i64| taken(id).is_none_or(|(_, _, before)| *before != generation);
        let given = refused.objects.iter().filter(|(id, _)| is_read(id));
        let new = given.filter(|(id, (_, _, generation))| is_new(id, *generation));
        let all: Vec<(&ObjectId, &Object, i64)> = new.map(|(id, (_, object, generation))| (id, object, *generation)).collect();
        let about: Vec<_> = all.iter().filter(|(_, object, _)| verdicts::may_be_about(why, &object.value)).collect();
        let blamed: Vec<_> = if about.is_empty() { all.iter().collect() } else { about };
        let held = blamed.into_iter().map(|(id, _, generation)| {
            let before = taken(id).map(|(_, object, generation)| (object.clone(), *generation));
            ((*id).clone(), HeldBack { generation: *generation, why: why.to_owned(), before })
        });
        let held: BTreeMap<ObjectId, HeldBack> = held.collect();
        if held.is_empty() {
            self.refused = Some((refused.content, why.to_owned()));
            if let Some(accepted) = self.accepted.clone() {
                if let Err(failure) = gateway::write(&self.folder, &accepted.content, None) {
                    (self.log)(&failure.what);
                }
                self.written = Some(accepted);
            }
            return;
        }
        self.held_back.extend(held);
    }

    fn reconcile_prometheus(&mut self) {
        let Some(wanted) = self.spec.prometheus.clone() else {
            if let Some((id, _)) = self.runs.of(&Role::Prometheus) {
                self.runs.end(id, Wish::End(GRACE));
            }
            return;
        };
        let (name, folder) = ("prometheus", self.folder.prometheus());
        let targets = folder.join("targets.json");
        let text = scrape::targets(&self.store.all(), &self.layout).to_string();
        if files::read_if_there(&targets).ok().flatten().as_deref() != Some(text.as_bytes()) {
            // it watches the file
            drop(files::write_private(&targets, text.as_bytes()));
        }
        match self.runs.of(&Role::Prometheus) {
            Some((_, run)) if run.order.program.path == wanted.program => return,
            Some((id, _)) => return self.runs.end(id, Wish::End(GRACE)),
            None if self.runs.iter().any(|(_, run)| run.role == Role::Prometheus) => return,
            None => {}
        }
        let config = folder.join("prometheus.yaml");
        drop(files::write_private(&config, scrape::config(&wanted.scrape_interval, &targets).to_string().as_bytes()));
        if !self.ports.contains_key(name) {
            self.give_ports(name, &BTreeSet::from([wanted.service.port]));
        }
        let Some(address) = self.prometheus_address() else { return };
        let mut program = self.program(name, wanted.program);
        program.args = vec![
            format!("--config.file={}", config.display()).into(),
            format!("--web.listen-address={address}").into(),
            format!("--storage.tsdb.path={}", folder.join("data").display()).into(),
            format!("--storage.tsdb.retention.time={RETENTION}").into(),
            // hidden, and five seconds by default: targets and what becomes of them are seen at once
            "--scrape.discovery-reload-interval=100ms".into(),
            "--log.level=warn".into(),
        ];
        let readiness = Check {
            question: Question::Probe(host::Ask::Http { path: "/-/ready".to_owned(), headers: Vec::new(), https: false }, address.port()),
            delay: Duration::ZERO,
            period: Duration::from_secs(5),
            timeout: Duration::from_secs(4),
            successes: 1,
            failures: 3,
        };
        let checks = Checks { readiness: Some(readiness), ..Checks::default() };
        let order = Order { program, log: self.folder.log(name), checks, grace: GRACE, tells_lines: false };
        self.runs.start(name, Role::Prometheus, order);
    }

    /// Where Prometheus listens.
    pub(super) fn prometheus_address(&self) -> Option<SocketAddr> {
        let port = self.ports.get("prometheus")?.values().next()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)))
    }
}

impl Given {
    /// The generation of each object, by what Envoy Gateway calls it.
    fn generations(&self) -> BTreeMap<VerdictKey, i64> {
        self.objects.iter().map(|(id, (_, _, generation))| (verdict_key(id), *generation)).collect()
    }
}

/// What Envoy Gateway calls an object.
pub(super) fn verdict_key(id: &ObjectId) -> VerdictKey {
    let namespace = if id.kind == "GatewayClass" { "" } else { id.namespace_or_default() };
    (id.kind.clone(), format!("{namespace}/{}", id.name))
}

/// Whether Envoy Gateway reads objects of the kind and judges them.
pub(super) fn is_read(id: &ObjectId) -> bool {
    matches!(id.group(), "gateway.networking.k8s.io" | "gateway.envoyproxy.io")
}
