//! Which stack, which cluster, which surroundings: from the command line, the environment and what is recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{Global, Ports, Provider, Up};
use crate::config::Config;
use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::lint::Settings;
use crate::ops::{Keeping, Parts, PortChoice, Setup, UpOptions, Wanted};
use crate::stack::{self, Folder, Overrides, Stack};
use crate::state::{self, Record, StateFolder};
use crate::world::clock::Start;
use crate::world::{files, folder};

/// What the configuration file and the mirrors of the command line say.
fn configuration(global: &Global, env: &Env) -> Result<Config, Failure> {
    let named = global.config.clone();
    let path = named.clone().or_else(|| env.config.clone());
    let bytes = match &path {
        Some(path) => files::read_if_there(path).map_err(|failure| Failure { kind: FailureKind::Usage, ..failure })?,
        None => None,
    };
    if bytes.is_none()
        && let Some(path) = named
    {
        return Err(Failure::usage(format!("there is no configuration file {}", path.display())));
    }
    let shown = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    Config::read(bytes.as_deref().map(|bytes| (shown.as_str(), bytes)), &global.mirror)
}

/// What the configuration says of the linter's rules.
pub(super) fn lint_settings(global: &Global, env: &Env) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    for rule in configuration(global, env)?.rules {
        settings.set(&rule).map_err(|why| Failure::usage("the configuration is wrong").why(format!("lint.rules: {why}")))?;
    }
    Ok(settings)
}

/// The surroundings of a run, and the values that the configuration sets.
pub(super) fn setup(global: &Global, env: &Env) -> Result<(Setup, Vec<(String, String)>), Failure> {
    let began = Start::now();
    let config = configuration(global, env)?;
    let state = env.state.clone().ok_or_else(|| {
        Failure::usage("there is no place for tstack's state")
            .why("neither TSTACK_STATE nor HOME is set")
            .hint("Set TSTACK_STATE to a folder.")
    })?;
    // programs are given paths in it, and are known by them later, wherever the next run is started
    let state = std::path::absolute(&state).unwrap_or(state);
    let setup = Setup {
        began,
        state: state.clone(),
        path: env.path.clone(),
        docker_host: env.docker_host.clone(),
        home: env.home.clone(),
        runtime: env.runtime.clone(),
        proxies: env.proxies.clone(),
        program: std::env::current_exe().map_err(|e| Failure::internal("tstack does not know where it is itself").because(&e))?,
        mirrors: config.mirrors,
        cache: env.cache.clone().unwrap_or_else(|| state.join("cache")),
        root: env.sysroot.clone().unwrap_or_else(|| "/".into()),
    };
    Ok((setup, config.set))
}

/// The path of a stack that lies on disk.
///
/// # Errors
/// When the stack is one that is built in.
pub(super) fn path(source: &str) -> Result<&Path, Failure> {
    if stack::shipped().contains(&source) {
        return Err(Failure::usage(format!("the stack `{source}` is built in: it has no files to watch"))
            .hint("Give the path of a folder: `tstack up ./my-stack --watch`."));
    }
    Ok(Path::new(source))
}

/// A stack by its built-in name or its path.
pub(super) fn load(source: &str, profiles: &[String], set: &[(String, String)]) -> Result<Stack, Failure> {
    let folder = folder_of(source)?;
    let overrides = Overrides { set: set.to_vec(), ..overrides(profiles) };
    stack::resolve(&folder, &overrides).map_err(stack::Findings::into_failure)
}

/// The files of a stack by its built-in name or its path.
fn folder_of(source: &str) -> Result<Folder, Failure> {
    let path = Path::new(source);
    let looks_like_path = source.contains(std::path::MAIN_SEPARATOR)
        || path.extension().is_some_and(|e| e == "yaml" || e == "yml")
        || source.starts_with('.');
    match stack::shipped_folder(source) {
        Some(folder) if !looks_like_path => Ok(folder),
        _ if looks_like_path || path.exists() => folder::read(path),
        _ => Err(Failure::usage(format!("there is no stack `{source}`"))
            .why(format!("built in are: {}", stack::shipped().join(", ")))
            .hint("A path needs a slash: `tstack up ./my-stack`.")),
    }
}

/// The values that stand for ports which were chosen by an earlier run.
fn chosen_ports(ports: &BTreeMap<String, u16>) -> impl Iterator<Item = (String, String)> {
    ports.iter().map(|(parameter, port)| (format!("parameters.{parameter}"), port.to_string()))
}

/// What profiles change in a stack on this machine.
pub(super) fn overrides(profiles: &[String]) -> Overrides {
    Overrides { profiles: profiles.to_vec(), set: Vec::new(), architecture: architecture().to_owned() }
}

/// The architecture of the nodes: they run on this machine.
pub(super) const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// What `up` and `plan` are asked.
pub(super) fn options(
    global: &Global,
    up: &Up,
    env: &Env,
    (setup, config_set): (&Setup, Vec<(String, String)>),
) -> Result<UpOptions, Failure> {
    let told = assignments(&global.set)?;
    let set = [config_set.clone(), told.clone()].concat();
    let mut stack = load(&up.stack, &global.profile, &set)?;
    let name = global.name.clone().unwrap_or_else(|| stack.name.clone());
    check_name(&name)?;
    let fixed = |parameter: &String| told.iter().any(|(path, _)| *path == format!("parameters.{parameter}"));
    let mut ports = match up.port {
        Ports::Stack => BTreeMap::new(),
        Ports::Kept | Ports::Auto => remembered_ports(&setup.state, &name),
    };
    ports.retain(|parameter, _| !fixed(parameter));
    let laid_over: Vec<_> = config_set.into_iter().chain(chosen_ports(&ports)).chain(told.iter().cloned()).collect();
    if !ports.is_empty() {
        stack = load(&up.stack, &global.profile, &laid_over)?;
    }
    let choose_ports = match up.port {
        Ports::Auto => {
            let (folder, overrides) = (folder_of(&up.stack)?, Overrides { set: laid_over, ..overrides(&global.profile) });
            let mut open = stack::port_parameters(&folder, &overrides);
            open.retain(|(parameter, _)| !fixed(parameter) && !ports.contains_key(parameter));
            Some(PortChoice { folder, overrides, open })
        }
        Ports::Kept | Ports::Stack => None,
    };
    let wanted = match &up.context {
        None => match up.provider {
            Provider::Auto => Wanted::Any { of: Parts::of(&stack) },
            Provider::Kind => Wanted::Kind,
            Provider::Host => Wanted::Host,
        },
        Some(context) => {
            let kubeconfig = up.kubeconfig.clone().or_else(|| env.kubeconfig.clone());
            let kubeconfig = kubeconfig.ok_or_else(|| Failure::usage("there is no kubeconfig").hint("Name it with --kubeconfig."))?;
            let kubeconfig = std::path::absolute(&kubeconfig).unwrap_or(kubeconfig);
            Wanted::Context { kubeconfig, context: context.clone(), allow_remote: up.allow_remote }
        }
    };
    let source = if stack::shipped().contains(&up.stack.as_str()) {
        up.stack.clone()
    } else {
        std::path::absolute(&up.stack).map_or_else(|_| up.stack.clone(), |path| path.display().to_string())
    };
    let keeping = if up.no_snapshot { Keeping::Nothing } else { Keeping::WhatFits };
    Ok(UpOptions {
        stack,
        source,
        profiles: global.profile.clone(),
        set,
        name,
        wanted,
        exposing: up.expose.into(),
        checks: !up.no_verify,
        keeping,
        ports,
        choose_ports,
        new_authority: up.new_ca,
        export: export(up, env)?,
    })
}

/// The ports that an earlier run chose. What cannot be read is told by the one who works with it.
fn remembered_ports(state: &Path, name: &str) -> BTreeMap<String, u16> {
    Record::read(&StateFolder::new(state, name)).ok().flatten().map(|record| record.ports).unwrap_or_default()
}

/// The kubeconfig that the cluster is to be put into.
fn export(up: &Up, env: &Env) -> Result<Option<PathBuf>, Failure> {
    let Some(asked) = &up.export_kubeconfig else { return Ok(None) };
    let missing = || Failure::usage("there is no kubeconfig").hint("Name it: --export-kubeconfig=FILE.");
    let named = Some(PathBuf::from(asked)).filter(|file| !file.as_os_str().is_empty());
    let file = named.or_else(|| env.kubeconfig.clone()).ok_or_else(missing)?;
    Ok(Some(std::path::absolute(&file).unwrap_or(file)))
}

/// `path=value`, each.
pub(super) fn assignments(texts: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    for text in texts {
        match text.split_once('=') {
            Some((path, value)) if !path.is_empty() => pairs.push((path.to_owned(), value.to_owned())),
            _ => {
                return Err(
                    Failure::usage(format!("--set {text}: it is written PATH=VALUE")).hint("For example --set parameters.httpPort=8081.")
                );
            }
        }
    }
    Ok(pairs)
}

/// A name becomes part of names of containers, labels and folders.
fn check_name(name: &str) -> Result<(), Failure> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = |c: Option<u8>| c.is_some_and(|b| b != b'-');
    if name.len() <= 40 && name.bytes().all(good) && ends(name.bytes().next()) && ends(name.bytes().last()) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` cannot be the name of a cluster"))
        .why("a name has lower case letters, digits and `-` between them, at most 40 characters"))
}

/// The cluster that `verify`, `status` and `down` mean: the one named, or the only one there is.
pub(super) fn existing(global: &Global, setup: &Setup) -> Result<String, Failure> {
    if let Some(name) = &global.name {
        check_name(name)?;
        return Ok(name.clone());
    }
    let mut names = state::list(&setup.state)?;
    match names.len() {
        // the default stack's name: its absence is then told in the verb's own words
        0 => Ok("task-api".into()),
        1 => Ok(names.remove(0)),
        _ => Err(Failure::usage("there are several clusters").why(names.join(", ")).hint("Say which with --name.")),
    }
}

/// The stack that a cluster was brought up with, `None` where nothing is recorded.
pub(super) fn recorded(global: &Global, setup: &Setup, name: &str) -> Result<Option<Stack>, Failure> {
    let Some(record) = Record::read(&StateFolder::new(&setup.state, name))? else { return Ok(None) };
    if record.source.is_empty() {
        return Ok(None);
    }
    let mut set = record.set;
    set.extend(chosen_ports(&record.ports));
    set.extend(assignments(&global.set)?);
    let mut profiles = record.profiles;
    profiles.extend(global.profile.iter().cloned());
    load(&record.source, &profiles, &set).map(Some)
}
