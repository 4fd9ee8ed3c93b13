//! The plan of `up`: from what is to what the stack wants. Nothing already true is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Action, ClusterFact, Exposing, HostFact, Made, NodeAccess, ObjectFact, Observed, Plan, ReleaseFact, Step};
use super::{certificate_digest, chart_digest, object_digest, secrets_digest, stack_digest};
use crate::failure::Failure;
use crate::host::Wanted;
use crate::stack::{Check, Component, ComponentKind, Exposure, ImageRef, ObjectId, ServiceFile, Stack, Until};

/// What the user asked of `up` beside the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpRequest {
    /// How services get onto localhost.
    pub exposing: Exposing,
    /// Whether the checks of the stack are part of the run.
    pub checks: bool,
    /// Whether a new local CA takes the place of the one that is there.
    pub new_authority: bool,
}

/// Pulls and loads move up to gigabytes; a slow line is no failure.
pub(super) const TRANSFER: Duration = Duration::from_mins(30);
/// Cluster and Helm calls; kind gives up on its own parts earlier.
pub(super) const CALL: Duration = Duration::from_mins(10);
/// A node that starts again: its API server answers within half a minute, on a slow machine within two.
const START: Duration = Duration::from_mins(4);
/// Local acts.
const SHORT: Duration = Duration::from_mins(1);
/// One check, with what it waits for.
const CHECK: Duration = Duration::from_mins(5);

/// Decides what `up` does.
///
/// # Errors
/// When the stack makes an image itself and the cluster's nodes take none from us.
pub fn up(stack: &Stack, observed: &Observed, request: UpRequest) -> Result<Plan, Failure> {
    let new_authority = request.new_authority;
    let mut draft = Draft { stack, observed, new_authority, steps: Vec::new(), loads: BTreeMap::new() };
    draft.cluster();
    draft.images()?;
    for component in &stack.components {
        draft.component(component);
    }
    draft.definitions_first();
    draft.forwarder(request.exposing);
    let unchanged = draft.steps.is_empty() && observed.verified.as_deref() == Some(&stack_digest(stack));
    if request.checks && !unchanged {
        let cause = if draft.steps.is_empty() { "not verified since the last change" } else { "the stack changes" };
        draft.checks(false, cause);
    }
    draft.exports();
    draft.finish()
}

/// The plan that makes a cluster answer which is there, and of which nothing else can be seen before.
///
/// # Errors
/// Never; a defect of ours is reported as such.
pub fn start(cluster: &ClusterFact) -> Result<Plan, Failure> {
    Plan::new(start_step(cluster).into_iter().collect()).map_err(|e| Failure::internal("the plan is not sound").because(&e))
}

fn start_step(cluster: &ClusterFact) -> Option<Step> {
    let (title, cause) = match cluster {
        ClusterFact::Stopped => ("start the stopped cluster", "its node does not run"),
        ClusterFact::Paused => ("resume the paused cluster", "its node is paused"),
        ClusterFact::Silent => ("wait for the cluster's API server", "it does not answer"),
        _ => return None,
    };
    Some(Step::new("cluster", title, Action::StartCluster).because(cause).within(START))
}

/// The plan of `verify`: the checks alone, with `deep` the long ones too.
///
/// # Errors
/// Never for a valid stack; a defect of ours is reported as such.
pub fn verify(stack: &Stack, host: Option<HostFact>, deep: bool) -> Result<Plan, Failure> {
    let observed = Observed { host, ..Observed::default() };
    let mut draft = Draft { stack, observed: &observed, new_authority: false, steps: Vec::new(), loads: BTreeMap::new() };
    draft.checks(deep, "asked for");
    draft.finish()
}

/// A plan in the making.
struct Draft<'a> {
    stack: &'a Stack,
    observed: &'a Observed,
    /// A new local CA is asked for.
    new_authority: bool,
    steps: Vec<Step>,
    /// The step that brings each image that is not in the nodes.
    loads: BTreeMap<ImageRef, String>,
}

impl<'a> Draft<'a> {
    fn finish(self) -> Result<Plan, Failure> {
        let plan = Plan::new(self.steps).map_err(|e| Failure::internal("the plan is not sound").because(&e))?;
        Ok(match &self.observed.host {
            Some(host) => plan.without(host.left_out.clone()),
            None => plan,
        })
    }

    fn has(&self, id: &str) -> bool {
        self.steps.iter().any(|step| step.id == id)
    }

    /// Adds a step; needs that are not in the plan are already true and are left out.
    fn add(&mut self, mut step: Step) {
        step.needs = step.needs.iter().filter(|need| self.has(need)).cloned().collect::<BTreeSet<_>>().into_iter().collect();
        self.steps.push(step);
    }

    /// What stands for the cluster where there is none: the programs of others, and the supervisor that runs them.
    fn supervisor(&mut self, host: &HostFact) {
        for (program, how) in &host.missing {
            let action = Action::ObtainProgram { program: program.clone() };
            let step = Step::new(program_id(program), format!("get {} {}", program.program, program.version), action);
            self.add(step.because(how).within(TRANSFER));
        }
        let (title, cause) = match (&self.observed.cluster, &host.outdated) {
            (ClusterFact::Running, None) => return,
            (ClusterFact::Running, Some(why)) => ("tell the supervisor its programs and ports", why.as_str()),
            _ => ("start the supervisor", "none runs"),
        };
        let action = Action::StartSupervisor {
            programs: host.programs.clone(),
            exposures: self.stack.expose.clone(),
            metrics: host.metrics.clone(),
        };
        let needs: Vec<String> = host.programs.iter().map(program_id).collect();
        self.add(Step::new("cluster", title, action).because(cause).needs(needs).within(SHORT));
    }

    fn cluster(&mut self) {
        if let Some(host) = &self.observed.host {
            return self.supervisor(host);
        }
        let cluster = &self.stack.cluster;
        match self.observed.cluster {
            ClusterFact::Running | ClusterFact::Named => return,
            ClusterFact::Stopped | ClusterFact::Paused | ClusterFact::Silent => {
                self.steps.extend(start_step(&self.observed.cluster));
                return;
            }
            ClusterFact::HalfMade => {
                let step = Step::new("remains", "remove the half-made cluster", Action::DeleteCluster);
                self.add(step.because("an earlier run was ended while it made it").within(CALL));
            }
            ClusterFact::Absent => {}
        }
        let image = self.observed.baked.as_ref().unwrap_or(&cluster.image);
        if self.observed.baked.is_none() {
            self.pull(image);
        }
        let cause = match self.observed.baked {
            Some(_) => "there is none; the baked node image holds all images",
            None => "there is none",
        };
        let action = Action::CreateCluster { image: image.clone(), ports: cluster.ports.clone() };
        let version = cluster.image.tag.as_deref().unwrap_or("");
        let step = Step::new("cluster", format!("make the cluster (Kubernetes {version})"), action);
        self.add(step.because(cause).needs([pull_id(&cluster.image), "remains".into()]).within(CALL));
        let beside = |id: &str, title: &str, action| {
            Step::new(id, title, action).because("the cluster is being made").beside(["cluster".to_owned()]).within(CALL)
        };
        self.add(beside("node", "wait until the node takes images", Action::AwaitNode));
        self.add(beside("server", "wait until the API server answers", Action::AwaitServer).needs(["node".into()]));
    }

    /// The step after which the API server takes objects; of a cluster that is being made long before its end.
    fn server(&self) -> String {
        if self.has("server") { "server".into() } else { "cluster".into() }
    }

    /// The step after which nodes take images.
    fn node(&self) -> String {
        if self.has("node") { "node".into() } else { "cluster".into() }
    }

    fn pull(&mut self, image: &ImageRef) {
        if !self.observed.engine_images.contains(image) && !self.has(&pull_id(image)) {
            let action = Action::PullImage { image: image.clone() };
            self.add(Step::new(pull_id(image), format!("pull {image}"), action).because("the engine does not have it").within(TRANSFER));
        }
    }

    /// Whether nodes take images from us; those of a cluster that is yet to be made do.
    fn nodes_take_images(&self) -> bool {
        let to_be_made = !matches!(self.observed.cluster, ClusterFact::Running | ClusterFact::Named);
        to_be_made || self.observed.nodes != NodeAccess::None
    }

    fn missing(&self, image: &ImageRef) -> bool {
        !self.observed.node_images.contains(image)
    }

    fn images(&mut self) -> Result<(), Failure> {
        if self.observed.host.is_some() {
            return Ok(());
        }
        if !self.nodes_take_images() {
            let made = self.stack.components.iter().find(|c| matches!(c.kind, ComponentKind::Image(_)));
            return match made {
                None => Ok(()),
                Some(component) => {
                    Err(Failure::preflight(format!("the image of component `{}` cannot be put into this cluster", component.name))
                        .why("its nodes are not containers of the engine on this machine")
                        .hint("Use a kind cluster of this machine's engine, or Docker Desktop."))
                }
            };
        }
        let mut loads: Vec<(&Component, Vec<ImageRef>)> = Vec::new();
        for component in self.by_urgency() {
            let images: Vec<ImageRef> =
                component.images.iter().filter(|image| self.missing(image) && !self.loads.contains_key(image)).cloned().collect();
            if !images.is_empty() {
                self.loads.extend(images.iter().map(|image| (image.clone(), load_id(&component.name))));
                loads.push((component, images));
            }
        }
        for image in loads.iter().flat_map(|(_, images)| images) {
            self.pull(image);
        }
        for (place, (component, images)) in loads.into_iter().enumerate() {
            // the first one costs kubeadm little; all of them would take its processors from it, and everything waits for the server
            let room = if place == 0 { self.node() } else { self.server() };
            let needs: Vec<String> = images.iter().map(pull_id).chain([room]).collect();
            let title = format!("load {} of {} into the node", count(images.len(), "image"), component.name);
            let step = Step::new(load_id(&component.name), title, Action::LoadImages { images });
            self.add(step.because("the node does not have all of them").needs(needs).within(TRANSFER).in_lane("images"));
        }
        Ok(())
    }

    /// The components, those first on which the most wait in a row; images are loaded in this order, so that the longest chain begins
    /// first and nobody's image waits for all.
    fn by_urgency(&self) -> Vec<&'a Component> {
        let depths = self.stack.depths();
        let mut all: Vec<&Component> = self.stack.components.iter().collect();
        all.sort_by_key(|component| std::cmp::Reverse(depths[component.name.as_str()]));
        all
    }

    fn component(&mut self, component: &Component) {
        match &component.kind {
            ComponentKind::Image(build) => {
                if self.missing(&build.image) {
                    let action = Action::BuildImage { component: component.name.clone() };
                    let (title, cause) = match self.observed.host {
                        Some(_) => (format!("put the program of {} into its place", build.image), "it is not there"),
                        None => (format!("put {} into the node", build.image), "the node does not have it"),
                    };
                    let step = Step::new(apply_id(&component.name), title, action);
                    let node = self.node();
                    self.add(step.because(cause).needs([node]).within(CALL));
                }
            }
            ComponentKind::Helm(_) => self.chart(component),
            ComponentKind::Manifests(objects) => {
                let wanted: Vec<(ObjectId, String)> = objects.iter().map(|o| (o.id.clone(), object_digest(&o.value))).collect();
                self.objects(component, &wanted);
            }
            ComponentKind::Certificate(certificate) => {
                let authority = self.observed.authority.as_deref().filter(|_| !self.new_authority);
                if authority.is_none() && !self.has("authority") {
                    let step = Step::new("authority", "make a local certificate authority", Action::CreateAuthority);
                    let damaged = |why| format!("the one that was made is damaged ({why}), and who trusts it has to trust the new one");
                    let cause = match &self.observed.authority_damage {
                        _ if self.new_authority => "asked for; who trusts the old one must trust it anew".to_owned(),
                        Some(why) => damaged(why),
                        None => "there is no usable one".to_owned(),
                    };
                    self.add(step.because(cause).within(SHORT));
                }
                // without a CA yet no recorded digest can match, whatever stands for the fingerprint
                let digest = certificate_digest(certificate, authority.unwrap_or_default());
                self.objects(component, &alike(component, &digest));
            }
            ComponentKind::Secrets(secrets) => self.objects(component, &alike(component, &secrets_digest(secrets))),
        }
    }

    fn chart(&mut self, component: &Component) {
        let ComponentKind::Helm(chart) = &component.kind else { return };
        let digest = chart_digest(chart);
        let found = self.observed.releases.get(&(chart.namespace.clone(), chart.release.clone()));
        let cause = match found {
            None => Some("not installed".to_owned()),
            Some(ReleaseFact { status, .. }) if status != "deployed" => Some(format!("the release is {status}")),
            Some(fact) if fact.digest.as_deref() != Some(&digest) => Some(change_of(fact, &chart.version)),
            Some(_) => self.unrecorded(&component.name),
        };
        let name = &component.name;
        let title = |verb: &str| format!("{verb} {name} {}", chart.version);
        if let Some(cause) = cause {
            if !self.observed.pulled_charts.contains(name) {
                let action = Action::PullChart { component: name.clone() };
                self.add(Step::new(chart_id(name), title("pull the chart of"), action).because("not pulled before").within(TRANSFER));
            }
            let action = Action::ApplyDefinitions { component: name.clone() };
            let step = Step::new(define_id(name), format!("apply the definitions of {name}"), action);
            self.add(step.because(cause.as_str()).needs([self.server(), chart_id(name)]).within(component.timeout));
            let mut needs = self.needs(component);
            needs.push(define_id(name));
            let heal = found.is_some_and(|fact| fact.status.starts_with("pending"));
            let verb = if found.is_some_and(|fact| fact.status == "deployed") { "upgrade" } else { "install" };
            let action = Action::InstallChart { component: name.clone(), digest, heal };
            self.add(Step::new(apply_id(name), title(verb), action).because(cause).needs(needs).within(CALL));
            self.ready(component, "it was just applied");
        } else if let Some(reason) = found.and_then(|fact| fact.unready.clone()) {
            self.ready(component, &reason);
        }
    }

    /// Definitions of kinds are the most work that an API server gets, and charts bring more of them among their templates. So a chart waits
    /// until those are taken on which a longer row of components waits than on itself; what it costs it gets back, since it has the processors
    /// to itself then.
    fn definitions_first(&mut self) {
        let depths = self.stack.depths();
        let mut before: Vec<(usize, String)> =
            self.stack.components.iter().map(|c| (depths[c.name.as_str()], define_id(&c.name))).filter(|(_, id)| self.has(id)).collect();
        before.sort();
        for step in &mut self.steps {
            if let Action::InstallChart { component, .. } = &step.action {
                let own = depths.get(component.as_str()).copied().unwrap_or_default();
                step.after.extend(before.iter().filter(|(depth, _)| *depth > own).map(|(_, id)| id.clone()));
            }
        }
    }

    /// Why what is in place is applied once more: on a cluster that stays, `down` removes what is on record and nothing else, and a record may
    /// have been lost.
    fn unrecorded(&self, name: &str) -> Option<String> {
        let of_it = |made: &Made| matches!(made, Made::Objects { component, .. } | Made::Release { component, .. } if component == name);
        let lost = self.observed.cluster == ClusterFact::Named && !self.observed.made.iter().any(of_it);
        lost.then(|| "it is there, and not on record: `down` would leave it".to_owned())
    }

    fn objects(&mut self, component: &Component, wanted: &[(ObjectId, String)]) {
        let fact = |id: &ObjectId| self.observed.objects.get(id);
        let absent = wanted.iter().filter(|(id, _)| fact(id).is_none()).count();
        let differs = |(id, digest): &&(ObjectId, String)| fact(id).is_some_and(|f| f.digest.as_ref() != Some(digest));
        let cause = match wanted.iter().find(differs) {
            _ if absent == wanted.len() => Some("not there".to_owned()),
            _ if absent > 0 => Some(format!("{absent} of {} objects are not there", wanted.len())),
            Some((id, _)) => Some(format!("{id} differs from the stack")),
            None => {
                let outdated = wanted.iter().find_map(|(id, _)| self.observed.outdated.get(id).map(|why| format!("{id}: {why}")));
                outdated.or_else(|| self.unrecorded(&component.name))
            }
        };
        let name = &component.name;
        if let Some(cause) = cause {
            let mut needs = self.needs(component);
            if matches!(component.kind, ComponentKind::Certificate(_)) {
                needs.push("authority".into());
            }
            let title = format!("apply {name} ({})", count(wanted.len(), "object"));
            let step = Step::new(apply_id(name), title, Action::ApplyObjects { component: name.clone() });
            self.add(step.because(cause).needs(needs).within(component.timeout));
            if !component.kind.is_ready_at_once() {
                self.ready(component, "it was just applied");
            }
        } else if let Some(reason) = wanted.iter().find_map(|(id, _)| fact(id).and_then(|f: &ObjectFact| f.unready.clone())) {
            self.ready(component, &reason);
        }
    }

    fn ready(&mut self, component: &Component, cause: &str) {
        let name = &component.name;
        let step = Step::new(ready_id(name), format!("wait until {name} is ready"), Action::AwaitReady { component: name.clone() });
        self.add(step.because(cause).needs([self.server(), apply_id(name)]).within(component.timeout));
    }

    /// What must be done before a component is applied: the cluster, its images, and its needs.
    fn needs(&self, component: &Component) -> Vec<String> {
        let mut needs = vec![self.server()];
        needs.extend(component.images.iter().filter_map(|image| self.loads.get(image)).cloned());
        for need in &component.needs {
            let at_once = self.stack.component(&need.component).is_some_and(|c| c.kind.is_ready_at_once());
            match need.until {
                Until::Ready if !at_once => needs.push(ready_id(&need.component)),
                _ => needs.push(apply_id(&need.component)),
            }
        }
        needs
    }

    fn forwarder(&mut self, exposing: Exposing) {
        // processes listen on localhost themselves
        if self.observed.host.is_some() {
            return;
        }
        let observed_ports = match self.observed.cluster {
            // what a stopped one maps is not to be seen; it was made with the stack's ports, and one that has been added since then
            // gets its forwarder from the next run
            ClusterFact::Absent | ClusterFact::HalfMade | ClusterFact::Stopped => &self.stack.cluster.ports,
            _ => &self.observed.ports,
        };
        let mapped = |host: u16, node: Option<u16>| {
            exposing == Exposing::Auto && observed_ports.iter().any(|port| port.host == host && Some(port.node) == node)
        };
        let routes: Vec<Exposure> = self.stack.expose.iter().filter(|e| !mapped(e.host, e.service.node_port)).cloned().collect();
        let served: Vec<(u16, ServiceFile)> = routes.iter().map(|e| (e.host, e.service.clone())).collect();
        if routes.is_empty() || self.observed.forwarder.as_ref() == Some(&served) {
            return;
        }
        let cause = match (&self.observed.forwarder, exposing) {
            (Some(_), _) => "the running one has other routes",
            (None, Exposing::Forward) => "asked for",
            (None, Exposing::Auto) => "the cluster maps no port for it",
        };
        let ports: Vec<String> = routes.iter().map(|e| e.host.to_string()).collect();
        let title = format!("forward localhost:{}", ports.join(" and :"));
        let step = Step::new("forwarder", title, Action::StartForwarder { routes });
        self.add(step.because(cause).needs([self.server()]).within(SHORT));
    }

    /// Nothing of the stack waits for it, and no check is made again for it.
    fn exports(&mut self) {
        for (file, cause) in &self.observed.exports {
            let action = Action::ExportContext { kubeconfig: file.clone() };
            let step = Step::new(format!("kubeconfig:{}", file.display()), format!("put the cluster into {}", file.display()), action);
            self.add(step.because(cause.as_str()).needs(["cluster".to_owned()]).within(SHORT));
        }
    }

    /// Checks run when everything is ready: those without load side by side, then those with load one by one, so that
    /// no check fills a bucket or a connection limit under another. What only looks may go on beside the load, and begins as soon as the
    /// components are ready that it names.
    fn checks(&mut self, deep: bool, cause: &str) {
        let settled = leaves(&self.steps);
        let (light, heavy): (Vec<_>, Vec<_>) =
            self.stack.checks.iter().filter(|check| deep || !check.deep).partition(|check| !check.kind.puts_load());
        let step = |check: &Check| {
            let action = Action::RunCheck { check: check.name.clone() };
            let step = Step::new(format!("check:{}", check.name), format!("check: {}", check.name), action);
            let needs = if check.needs.is_empty() { settled.clone() } else { check.needs.iter().map(|name| ready_id(name)).collect() };
            step.because(cause).needs(needs).within(if check.deep { CHECK * 2 } else { CHECK })
        };
        let mut before: Vec<String> = Vec::new();
        for check in light {
            if check.kind.minds_load() {
                before.push(format!("check:{}", check.name));
            }
            self.add(step(check));
        }
        for check in heavy {
            let next = step(check).after(std::mem::take(&mut before));
            before.push(next.id.clone());
            self.add(next);
        }
        let skipped = self.observed.host.iter().flat_map(|host| &host.skipped).filter(|check| deep || !check.deep);
        for check in skipped {
            let action = Action::SkipCheck { check: check.name.clone(), kind: check.kind.clone(), reason: check.reason.clone() };
            let step = Step::new(format!("check:{}", check.name), format!("check: {}", check.name), action);
            self.steps.push(step.because(check.reason.as_str()).within(SHORT));
        }
    }
}

/// The objects of a component, of which all are as wanted when they have the same digest.
fn alike(component: &Component, digest: &str) -> Vec<(ObjectId, String)> {
    component.kind.object_ids().into_iter().map(|id| (id, digest.to_owned())).collect()
}

/// The steps that no other step needs: needing these is needing all.
fn leaves(steps: &[Step]) -> Vec<String> {
    let needed: BTreeSet<&String> = steps.iter().flat_map(|step| &step.needs).collect();
    steps.iter().map(|step| &step.id).filter(|id| !needed.contains(id)).cloned().collect()
}

fn change_of(fact: &ReleaseFact, version: &str) -> String {
    let bare = |v: &str| v.trim_start_matches('v').to_owned();
    if bare(&fact.chart_version) == bare(version) {
        "its values differ from the stack".into()
    } else {
        format!("version {} is installed", fact.chart_version)
    }
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

pub(super) fn pull_id(image: &ImageRef) -> String {
    format!("pull:{image}")
}

fn program_id(program: &Wanted) -> String {
    format!("program:{}", program.program)
}

fn load_id(component: &str) -> String {
    format!("images:{component}")
}

fn define_id(component: &str) -> String {
    format!("define:{component}")
}

fn chart_id(component: &str) -> String {
    format!("chart:{component}")
}

fn apply_id(component: &str) -> String {
    format!("apply:{component}")
}

fn ready_id(component: &str) -> String {
    format!("ready:{component}")
}
