//! Deployments as processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::environment::{Environment, NotYet, expand};
use super::objects::{Objects, Target, service_ports};
use super::probe;
use crate::host::fields::{list, number, some_text, text, texts};
use crate::host::{Image, Process, Surroundings};
use crate::stack::{Object, ObjectId};

/// A Deployment that processes are made of.
pub(super) struct Workload<'a> {
    pub(super) component: &'a str,
    pub(super) id: &'a ObjectId,
    template: &'a Value,
    container: &'a Value,
    replicas: u32,
    /// Names and numbers, the first of which is told by `PORT`.
    ports: Vec<(Option<&'a str>, u16)>,
}

/// Why there are no processes of a Deployment.
pub(super) enum Problem {
    /// Never, since there is no program: what, for people.
    LeftOut(String),
    /// Never, as it is written: what, and what to do.
    Fault(String, String),
    /// Not yet: what is missing.
    Waiting(String),
}

impl Problem {
    fn fault(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Fault(what.into(), hint.into())
    }
}

impl<'a> Workload<'a> {
    /// A Deployment with one container, as most have.
    pub(super) fn of(component: &'a str, object: &'a Object, all: Objects<'a>) -> Option<Self> {
        let template = object.value.pointer("/spec/template")?;
        let container = list(template, "/spec/containers").first()?;
        let replicas = number(&object.value, "/spec/replicas").unwrap_or(1);
        let mut workload = Self { component, id: &object.id, template, container, replicas, ports: Vec::new() };
        workload.ports = workload.find_ports(all);
        Some(workload)
    }

    /// What the container declares, what Services lead to, and what probes ask: a declaration is only information in Kubernetes.
    fn find_ports(&self, all: Objects<'a>) -> Vec<(Option<&'a str>, u16)> {
        let declared = list(self.container, "/ports").iter().filter(|port| matches!(text(port, "/protocol"), "" | "TCP"));
        let mut ports: Vec<_> = declared.filter_map(|port| Some((some_text(port, "/name"), number(port, "/containerPort")?))).collect();
        let services = all.of("", "Service").filter(|(_, service)| self.is_behind(service));
        let targets = services.flat_map(|(_, service)| service_ports(&service.value)).map(|port| port.target);
        let asked = probe::NAMES.iter().flat_map(|name| ["httpGet", "tcpSocket"].map(|how| format!("/{name}/{how}/port")));
        let probes = asked.filter_map(|pointer| Target::of(self.container, &pointer));
        for target in targets.chain(probes) {
            if let Target::Number(number) = target
                && !ports.iter().any(|(_, known)| *known == number)
            {
                ports.push((None, number));
            }
        }
        ports
    }

    /// Whether a Service leads to its processes.
    pub(super) fn is_behind(&self, service: &Object) -> bool {
        let selector = texts(&service.value, "/spec/selector");
        let labels = texts(self.template, "/metadata/labels");
        service.id.namespace_or_default() == self.id.namespace_or_default()
            && !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The container port that is meant.
    pub(super) fn port(&self, target: Target<'_>) -> Option<u16> {
        match target {
            Target::Number(number) => Some(number),
            Target::Name(name) => self.ports.iter().find(|(known, _)| *known == Some(name)).map(|(_, number)| *number),
        }
    }

    /// All its container ports.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        self.ports.iter().map(|(_, number)| *number).collect()
    }

    /// `task-api/task-api/`, what the names of its processes begin with.
    fn prefix(&self) -> String {
        format!("{}/{}/", self.id.namespace_or_default(), self.id.name)
    }

    /// The names of its processes.
    pub(super) fn names(&self) -> Vec<String> {
        let prefix = self.prefix();
        (0..self.replicas).map(|n| format!("{prefix}{n}")).collect()
    }

    /// Whether a process is one of its own, or was before it had fewer replicas.
    pub(super) fn owns(&self, process: &str) -> bool {
        process.strip_prefix(&self.prefix()).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    }

    /// Its processes, or why there are none.
    pub(super) fn processes(&self, all: Objects<'_>, around: &Surroundings) -> Result<Vec<Process>, Problem> {
        let image = self.image(around)?;
        self.sound()?;
        let command = self.command(image)?;
        self.names().into_iter().map(|name| self.process(name, image, &command, all, around)).collect()
    }

    fn image<'s>(&self, around: &'s Surroundings) -> Result<&'s Image, Problem> {
        let foreign = list(self.template, "/spec/containers").iter().map(|one| text(one, "/image"));
        if let Some(image) = foreign.clone().find(|image| !around.images.contains_key(*image)) {
            return Err(Problem::LeftOut(format!(
                "there is no program for image {image}: only images that the stack makes itself run here"
            )));
        }
        around.images.get(text(self.container, "/image")).ok_or_else(|| Problem::LeftOut("it has no container".to_owned()))
    }

    /// What a process cannot be given.
    fn sound(&self) -> Result<(), Problem> {
        let kubernetes = "Run this stack on a cluster: `--provider kind`.";
        if list(self.template, "/spec/containers").len() > 1 {
            return Err(Problem::fault("it has more than one container, and here each Deployment is one program", kubernetes));
        }
        if !list(self.template, "/spec/initContainers").is_empty() {
            return Err(Problem::fault("it has init containers, which only run on a cluster", kubernetes));
        }
        let temporary = |name: &str| {
            let volume = list(self.template, "/spec/volumes").iter().find(|volume| text(volume, "/name") == name);
            volume.is_some_and(|volume| volume.get("emptyDir").is_some())
        };
        // an empty folder at /tmp is there on every machine
        let other = list(self.container, "/volumeMounts").iter().find(|m| text(m, "/mountPath") != "/tmp" || !temporary(text(m, "/name")));
        if let Some(mount) = other {
            let what = format!("its container mounts {}, and a process sees this machine's files alone", text(mount, "/mountPath"));
            return Err(Problem::fault(what, "Give the program what it needs in its environment, or use `--provider kind`."));
        }
        Ok(())
    }

    /// The arguments: of `command` without the program, then `args`.
    fn command(&self, image: &Image) -> Result<Vec<&'a str>, Problem> {
        let texts = |pointer: &str| -> Vec<&'a str> { list(self.container, pointer).iter().filter_map(Value::as_str).collect() };
        let command = texts("/command");
        let ours = image.program.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        match command.split_first() {
            Some((first, _)) if first.rsplit('/').next() != Some(ours) => Err(Problem::fault(
                format!("its command is {first}, and of its image only the program {ours} is here"),
                format!("Leave `command` out, or begin it with `/{ours}`."),
            )),
            Some((_, rest)) => Ok([rest.to_vec(), texts("/args")].concat()),
            None => Ok(texts("/args")),
        }
    }

    fn process(&self, name: String, image: &Image, command: &[&str], all: Objects<'_>, around: &Surroundings) -> Result<Process, Problem> {
        let given = around.ports.get(&name);
        let find = |port: u16| given.and_then(|given| given.get(&port)).copied();
        let Some(ports) = self.ports().into_iter().map(|port| Some((port, find(port)?))).collect::<Option<BTreeMap<_, _>>>() else {
            return Err(Problem::Waiting("ports on loopback".to_owned()));
        };
        let environment = Environment {
            namespace: self.id.namespace_or_default(),
            pod: format!("{}-{}", self.id.name, name.rsplit('/').next().unwrap_or_default()),
            template: self.template,
            container: self.container,
            ports: self.ports.iter().filter_map(|(name, port)| Some((*name, *port, *ports.get(port)?))).collect(),
        };
        let own = environment.resolve(all).map_err(|error| match error {
            NotYet::Missing(what) => Problem::Waiting(what),
            NotYet::Impossible(what, hint) => Problem::Fault(what, hint),
        })?;
        let args = command.iter().map(|arg| expand(arg, &own)).collect();
        let mut env = image.env.clone();
        env.extend(own);
        let probe = |name: &str| {
            let port = |target: Target<'_>| self.port(target).and_then(|port| ports.get(&port).copied());
            probe::read(self.container, name, port).map_err(|(what, hint)| Problem::Fault(what, hint))
        };
        Ok(Process {
            component: self.component.to_owned(),
            object: self.id.clone(),
            program: image.program.clone(),
            args,
            env,
            readiness: probe("readinessProbe")?,
            liveness: probe("livenessProbe")?,
            startup: probe("startupProbe")?,
            pre_stop: self.pre_stop(),
            grace: Duration::from_secs(number(self.template, "/spec/terminationGracePeriodSeconds").unwrap_or(30)),
            ports,
            name,
        })
    }

    /// The pause before the end. A program `sleep` is the same, as stacks wrote it before Kubernetes had the field.
    fn pre_stop(&self) -> Duration {
        let words: Vec<&str> = list(self.container, "/lifecycle/preStop/exec/command").iter().filter_map(Value::as_str).collect();
        let line = match words.as_slice() {
            [shell, "-c", line] if shell.ends_with("sh") => (*line).to_owned(),
            words => words.join(" "),
        };
        let slept = line.split_once("sleep ").and_then(|(before, n)| before.is_empty().then(|| n.trim().parse().ok())?);
        Duration::from_secs(number(self.container, "/lifecycle/preStop/sleep/seconds").or(slept).unwrap_or(0))
    }

    /// What of it a process does not do.
    pub(super) fn left_out(&self) -> Option<(&'static str, &'static str)> {
        let hook = self.container.pointer("/lifecycle/preStop").and_then(Value::as_object).is_some_and(|hook| !hook.is_empty());
        (hook && self.pre_stop().is_zero()).then_some(("preStop", "only a sleep can come before the end of a process"))
    }
}
