//! A stack that runs without a cluster: its supervisor, and the programs of others that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Sight, SightError};
use crate::failure::Failure;
use crate::host::{self, Image, Metrics, Program, Wanted};
use crate::plan::{ClusterFact, HostFact};
use crate::stack::{ComponentKind, Exposure, ImageBuild, ImageRef, Stack};
use crate::state::StateFolder;
use crate::supervise::{Client, Prometheus, Spec};
use crate::world::programs::{self, Places};

/// Looks for the supervisor of a state folder.
///
/// # Errors
/// When one runs and does not answer: unknown is not absent.
pub async fn processes(folder: &StateFolder) -> Result<Sight, SightError> {
    let supervisor = Client::find(&folder.path()).await.map_err(SightError::Unknown)?;
    let fact = if supervisor.is_some() { ClusterFact::Running } else { ClusterFact::Absent };
    Ok(Sight { fact, supervisor, ..Sight::default() })
}

/// Whether a supervisor holds the state folder, without a question to it.
///
/// # Errors
/// When that cannot be told.
pub fn held(folder: &StateFolder) -> Result<Sight, Failure> {
    let fact = if Client::is_held(&folder.path())? { ClusterFact::Running } else { ClusterFact::Absent };
    Ok(Sight { fact, ..Sight::default() })
}

/// The stack as it can be on this machine, and what is to be got and started for it.
///
/// # Errors
/// When the running supervisor's file cannot be read.
pub async fn adapted(stack: &Stack, places: &Places, folder: &StateFolder, sight: &Sight) -> Result<(Stack, HostFact), Failure> {
    let mut fact = HostFact::default();
    let mut found = BTreeMap::new();
    for program in host::programs(stack) {
        let wanted = wanted(&program)?;
        match programs::look(&wanted, places).await {
            Some(obtained) => drop(found.insert(program.program, obtained.path)),
            None if program.required => fact.missing.push((program.clone(), programs::expected(&wanted, places).how)),
            None => continue,
        }
        fact.programs.push(program);
    }
    let host::Adapted { stack, left_out, faults, skipped, metrics } = host::adapt(stack, found.contains_key(&Program::Prometheus));
    fact = HostFact { left_out, faults, skipped, metrics, ..fact };
    if sight.supervisor.is_some() {
        let spec = spec(&stack, &fact.programs, &found, (stack.expose.clone(), fact.metrics.clone()), folder);
        let same = fact.missing.is_empty() && Client::has_spec(&folder.path(), &spec);
        fact.outdated = (!same).then(|| "its programs or ports differ from the stack".to_owned());
    }
    Ok((stack, fact))
}

/// What the supervisor is told when it starts.
///
/// # Errors
/// When a program that it needs is not there.
pub async fn host_spec(
    stack: &Stack,
    programs: &[Wanted],
    served: (Vec<Exposure>, Option<Metrics>),
    places: &Places,
    folder: &StateFolder,
) -> Result<Spec, Failure> {
    let mut found = BTreeMap::new();
    for program in programs {
        let wanted = wanted(program)?;
        let obtained = programs::look(&wanted, places).await.ok_or_else(|| Failure::step(format!("{wanted} is not there")))?;
        found.insert(program.program, obtained.path);
    }
    Ok(spec(stack, programs, &found, served, folder))
}

/// The program in the words of the room that gets it.
///
/// # Errors
/// When the stack names a version that is none.
pub fn wanted(program: &Wanted) -> Result<programs::Wanted, Failure> {
    let version = program.version.parse().map_err(|e| {
        let name = program.program;
        Failure::preflight(format!("`{}` is no version of {name}", program.version)).because(&e)
    })?;
    Ok(programs::Wanted { name: program.program.name().to_owned(), version })
}

fn spec(
    stack: &Stack,
    programs: &[Wanted],
    found: &BTreeMap<Program, PathBuf>,
    (exposures, metrics): (Vec<Exposure>, Option<Metrics>),
    folder: &StateFolder,
) -> Spec {
    let builds = stack.components.iter().filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some(build) } else { None });
    let path = |program| found.get(&program).cloned().unwrap_or_default();
    let envoy = programs.iter().find(|wanted| wanted.program == Program::Envoy);
    Spec {
        gateway: path(Program::EnvoyGateway),
        envoy: path(Program::Envoy),
        envoy_version: envoy.map(|wanted| wanted.version.clone()).unwrap_or_default(),
        prometheus: found.get(&Program::Prometheus).zip(metrics).map(|(program, metrics)| Prometheus {
            program: program.clone(),
            service: metrics.service,
            scrape_interval: metrics.scrape_interval,
        }),
        images: builds
            .map(|build| (build.image.to_string(), Image { program: program_of(folder, build), env: build.env.clone() }))
            .collect(),
        exposures,
    }
}

/// The images of the stack's own whose programs lie in their places; the tag is that of the content, and each is written whole.
pub(super) fn programs_in_place(stack: &Stack, folder: &StateFolder) -> BTreeSet<ImageRef> {
    let builds = stack.components.iter().filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some(build) } else { None });
    builds.filter(|build| program_of(folder, build).exists()).map(|build| build.image.clone()).collect()
}

fn program_of(folder: &StateFolder, build: &ImageBuild) -> PathBuf {
    folder.image_program(build.image.tag.as_deref().unwrap_or_default(), &build.program)
}
