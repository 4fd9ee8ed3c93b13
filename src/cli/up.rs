//! `tstack up`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::{Global, Up, UpArgs};
use super::shown::{Shown, exit_code};
use super::{lint, source, watch};
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, Setup, UpOptions, UpReport};
use crate::report::{self, Link, Next, Summary};

pub(super) async fn run(global: &Global, args: &UpArgs, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    if args.watch { watch::run(global, &args.up, env, shown, cancel).await } else { once(global, &args.up, env, shown, cancel).await }
}

/// One `up`.
pub(super) async fn once(global: &Global, up: &Up, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, config_set) = source::setup(global, env)?;
    let options = source::options(global, up, env, (&setup, config_set))?;
    with(global, up, (&setup, options), env, shown, cancel).await
}

/// One `up` of these options.
pub(super) async fn with(
    global: &Global,
    up: &Up,
    (setup, options): (&Setup, UpOptions),
    env: &Env,
    shown: &mut Shown,
    cancel: &CancellationToken,
) -> Result<u8, Failure> {
    lint::first(global, &up.stack, &options, env, shown)?;
    let name = options.name.clone();
    let report = ops::up(setup, options, shown.listener(setup), cancel).await?;
    if let Some(told) = &report.told {
        shown.checks(told)?;
        if told.outcome.failure().is_some() {
            return Ok(exit_code(told));
        }
    }
    let summary = summary(&report, &name, setup.began.elapsed());
    if shown.json() {
        shown.data(&report::json_line("summary", &summary))?;
    } else {
        let text = format!("\n{}", report::summary(&summary, shown.mode.stderr));
        shown.say(&text);
    }
    Ok(0)
}

/// `took` is what a person has waited, from the first thing that was done to now.
fn summary(report: &UpReport, name: &str, took: Duration) -> Summary {
    let flag = if name == report.record.stack { String::new() } else { format!(" --name {name}") };
    let next = |verb: &str, what: &str| Next { command: format!("tstack {verb}{flag}"), what: what.to_owned() };
    let (steps, slowest) = match &report.told {
        None => (0, Vec::new()),
        Some(told) => {
            let title = |id: &String| told.titles.iter().find(|(i, _)| i == id).map_or_else(|| id.clone(), |(_, title)| title.clone());
            let times = told.outcome.times.iter().map(|(id, took)| (title(id), *took));
            (told.outcome.done.len(), report::slowest(times))
        }
    };
    Summary {
        stack: report.record.stack.clone(),
        cluster: name.to_owned(),
        steps,
        checks: report.told.as_ref().map_or(0, ops::Told::passed),
        urls: report.exposed.iter().map(|e| Link { name: e.name.clone(), url: e.url.clone() }).collect(),
        kubeconfig: report.kubeconfig.as_ref().map(|path| path.display().to_string()),
        ca: report.authority.as_ref().map(|path| path.display().to_string()),
        took,
        slowest,
        notes: report.notes.clone(),
        next: vec![
            next("status", "how it is"),
            match report.kubeconfig {
                Some(_) => next("verify --deep", "its checks again, with load until it scales"),
                None => next("verify", "its checks again"),
            },
            next("down", "everything that was made goes"),
        ],
    }
}
