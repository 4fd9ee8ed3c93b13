//! Everything that would make the plan fail, found before its first step, and told at once.

use std::collections::BTreeMap;

use futures::future::OptionFuture;

use super::session::{Programs, Session};
use crate::failure::Failure;
use crate::plan::{Action, Plan};
use crate::stack::{ComponentKind, ImageRef, Stack};
use crate::state::Target;
use crate::world::engine::Info;
use crate::world::helm::Helm;
use crate::world::registry::{Mirror, Served, manifest_digest, probe};
use crate::world::{machine, ports, programs};

/// Looks at what the plan will need: programs, ports, memory, processors, disk, mirrors.
///
/// # Errors
/// One preflight failure with every problem; nothing was changed by then.
pub(super) async fn check(stack: &Stack, plan: &Plan, session: &Session) -> Result<Programs, Failure> {
    let mut problems = Problems::default();
    let programs = find_programs(plan, session, &mut problems).await;
    ports(plan, session, &mut problems).await?;
    if let Some(engine) = &session.engine {
        let info = engine.info().await?;
        if plan.steps().iter().any(|step| matches!(step.action, Action::CreateCluster { .. } | Action::RestoreCluster { .. })) {
            capacity(stack, &info, &mut problems);
        }
        if plan
            .steps()
            .iter()
            .any(|step| matches!(step.action, Action::PullImage { .. } | Action::LoadImages { .. } | Action::RestoreCluster { .. }))
        {
            disk(stack, &info, &mut problems);
        }
    }
    mirrors(stack, plan, session, &mut problems).await;
    problems.into_result().map(|()| programs)
}

/// Looks for the programs that the plan runs, and for nothing else.
///
/// # Errors
/// One preflight failure that names every program that is not as needed.
pub(super) async fn programs(plan: &Plan, session: &Session) -> Result<Programs, Failure> {
    let mut problems = Problems::default();
    let programs = find_programs(plan, session, &mut problems).await;
    problems.into_result().map(|()| programs)
}

async fn find_programs(plan: &Plan, session: &Session, problems: &mut Problems) -> Programs {
    let runs = |wanted: fn(&Action) -> bool| plan.steps().iter().any(|step| wanted(&step.action));
    let runs_kind = runs(|action| matches!(action, Action::CreateCluster { .. } | Action::DeleteCluster));
    let runs_helm = runs(|action| matches!(action, Action::PullChart { .. } | Action::InstallChart { .. } | Action::UninstallChart { .. }));
    let search = &session.setup.path;
    let (kind, helm) = tokio::join!(
        OptionFuture::from(runs_kind.then(|| programs::kind(search))),
        OptionFuture::from(runs_helm.then(|| programs::helm(search))),
    );
    let helm = helm.and_then(|found| problems.taken(found)).map(|tool| Helm {
        program: tool.path,
        kubeconfig: session.kubeconfig(),
        context: match &session.record.target {
            Target::Kind { .. } | Target::Host => None,
            Target::Context { context, .. } => Some(context.clone()),
        },
        cache: session.folder.helm(),
    });
    Programs { kind: kind.and_then(|found| problems.taken(found)), helm }
}

#[derive(Default)]
struct Problems(Vec<Failure>);

impl Problems {
    fn add(&mut self, failure: Failure) {
        self.0.push(failure);
    }

    /// What was found, or nothing and one problem more.
    fn taken<T>(&mut self, found: Result<T, Failure>) -> Option<T> {
        found.map_err(|failure| self.add(failure)).ok()
    }

    fn into_result(mut self) -> Result<(), Failure> {
        if self.0.len() <= 1 {
            return self.0.pop().map_or(Ok(()), Err);
        }
        let mut all = Failure::preflight(format!("{} things are not as needed; nothing was changed", self.0.len()));
        for problem in self.0 {
            let evidence: Vec<String> = std::iter::once(problem.what).chain(problem.why).collect();
            all = all.why(evidence.join("\n"));
            for hint in problem.hints {
                if !all.hints.contains(&hint) {
                    all = all.hint(hint);
                }
            }
        }
        Err(all)
    }
}

async fn ports(plan: &Plan, session: &Session, problems: &mut Problems) -> Result<(), Failure> {
    let mut wanted: Vec<u16> = Vec::new();
    // a half-made cluster of ours holds them itself, and goes first
    let replaces = plan.steps().iter().any(|step| matches!(step.action, Action::DeleteCluster));
    for step in plan.steps() {
        match &step.action {
            Action::CreateCluster { ports, .. } if !replaces => wanted.extend(ports.iter().map(|port| port.host)),
            Action::RestoreCluster { ports, replace: false, .. } => wanted.extend(ports.iter().map(|port| port.host)),
            Action::StartForwarder { routes } => wanted.extend(routes.iter().map(|route| route.host)),
            // one that is started anew holds them itself
            Action::StartSupervisor { exposures, .. } if session.sight.supervisor.is_none() => {
                wanted.extend(exposures.iter().map(|exposure| exposure.host));
            }
            _ => {}
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let containers = match &session.engine {
        Some(engine) => engine.containers(&[]).await?,
        None => Vec::new(),
    };
    let ours = crate::forward::status(&session.folder.path()).await?;
    for port in wanted {
        // our own forwarder gives its ports up when it is started anew
        if ours.as_ref().is_some_and(|f| f.routes.iter().any(|route| route.route.host == port)) {
            continue;
        }
        if let Some(owner) = ports::who_listens(port, &containers)? {
            problems.add(
                Failure::preflight(format!("port {port} is taken by {owner}"))
                    .hint(owner.hint(port))
                    .hint("Take free ports with --port auto, or name one: a stack's ports are among its parameters, such as --set parameters.httpPort=8081."),
            );
        }
    }
    Ok(())
}

fn capacity(stack: &Stack, info: &Info, problems: &mut Problems) {
    let cluster = &stack.cluster;
    if info.cpus > 0 && info.cpus < cluster.min_cpus {
        problems.add(
            Failure::preflight(format!("the engine has {}; the stack needs {}", processors(info.cpus), cluster.min_cpus))
                .hint("Give the engine more, or try with --set cluster.minimum.cpus=1."),
        );
    }
    if info.memory > 0 && info.memory < cluster.min_memory {
        let (has, needs) = (machine::quantity(info.memory), machine::quantity(cluster.min_memory));
        problems.add(
            Failure::preflight(format!("the engine has {has} of memory; the stack needs {needs}"))
                .hint("Give the engine more (Docker Desktop: Settings, Resources)."),
        );
    }
}

fn processors(n: u32) -> String {
    format!("{n} {}", if n == 1 { "processor" } else { "processors" })
}

fn disk(stack: &Stack, info: &Info, problems: &mut Problems) {
    // unknown where the engine lies in a virtual machine: not guessed
    let Some(root) = machine::engine_disk(info) else { return };
    match machine::free_disk(&root) {
        Ok(free) if free < stack.cluster.min_disk => {
            let (has, needs) = (machine::quantity(free), machine::quantity(stack.cluster.min_disk));
            problems.add(
                Failure::preflight(format!("{} has {has} free; the stack needs {needs}", root.display()))
                    .hint("`docker system df` shows what the engine holds, `docker system prune` frees what nothing uses."),
            );
        }
        Ok(_) => {}
        Err(failure) => problems.add(failure),
    }
}

/// Every mirror that a pull would use must answer as a registry, and serve what is pinned.
async fn mirrors(stack: &Stack, plan: &Plan, session: &Session, problems: &mut Problems) {
    let mirrors = &session.setup.mirrors;
    let mut used: BTreeMap<String, (Mirror, Vec<ImageRef>)> = BTreeMap::new();
    for step in plan.steps() {
        let (mirror, image) = match &step.action {
            Action::PullImage { image } => (mirrors.resolve(image), Some(image)),
            Action::PullChart { component } => (chart_mirror(stack, component, session), None),
            _ => (None, None),
        };
        if let Some(mirror) = mirror {
            let entry = used.entry(mirror.to_string()).or_insert_with(|| (mirror.clone(), Vec::new()));
            entry.1.extend(image.cloned());
        }
    }
    for (mirror, images) in used.values() {
        if let Err(failure) = probe(mirror).await {
            problems.add(failure);
            continue;
        }
        for image in images.iter().filter(|image| image.digest.is_some()) {
            match manifest_digest(mirror, image).await {
                Ok(Served::Digest(served)) if Some(&served) != image.digest.as_ref() => problems.add(
                    Failure::preflight(format!("{mirror} serves another {} than is pinned", image.name()))
                        .why(format!("pinned {}, served {served}", image.digest.as_deref().unwrap_or_default()))
                        .hint("Refresh the mirror, or correct the digest in the stack file."),
                ),
                Ok(_) => {}
                Err(failure) => problems.add(failure),
            }
        }
    }
}

fn chart_mirror<'a>(stack: &Stack, component: &str, session: &'a Session) -> Option<&'a Mirror> {
    let ComponentKind::Helm(chart) = &stack.component(component)?.kind else { return None };
    let image = ImageRef::parse(chart.reference.strip_prefix("oci://")?).ok()?;
    session.setup.mirrors.resolve(&image)
}
