//! `logs`: what the programs of a stack write, across its components.

use std::path::Path;
use std::sync::Mutex;

use futures::StreamExt as _;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use regex::Regex;
use serde::Serialize;

use super::session::{Session, Setup, Wanted};
use crate::failure::Failure;
use crate::input::parse_duration;
use crate::observe;
use crate::stack::{ObjectId, Stack};
use crate::supervise::ProcessStatus;
use crate::world::clock;
use crate::world::kube::{Cluster, ContainerLine, LogsWanted};
use crate::world::tail::{Changes, Tail};

/// What the user asked for.
pub struct LogsOptions {
    /// The components; none means all.
    pub components: Vec<String>,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// Not older than that, as people write durations.
    pub since: Option<String>,
    /// At most so many of the last lines of each program; without it 20, or all where something else bounds them.
    pub last: Option<u32>,
    /// Only lines in which this regular expression is found.
    pub grep: Option<String>,
}

/// Lines of each program that are given where nothing else is asked for.
const LAST: u32 = 20;

impl LogsOptions {
    fn wanted(&self) -> Result<(LogsWanted, Option<Regex>), Failure> {
        let since = self.since.as_deref().map(parse_duration).transpose().map_err(|why| Failure::usage("--since").why(why))?;
        let grep = self.grep.as_deref().map(Regex::new).transpose();
        let grep = grep.map_err(|e| Failure::usage("--grep is not a regular expression").why(e.to_string()))?;
        // everything of a time, and all that a search may find
        let last = self.last.or_else(|| (since.is_none() && grep.is_none()).then_some(LAST));
        Ok((LogsWanted { follow: self.follow, since, last }, grep))
    }
}

/// A line that a program of the stack wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// The component that the program belongs to.
    pub component: String,
    /// The pod and its container, or the process.
    pub from: String,
    /// When it was written, where that was noted.
    pub time: Option<Timestamp>,
    /// The line.
    pub text: String,
}

/// Gives the lines: those that are there in the order of their times, then, where they are followed, each as it comes.
///
/// # Errors
/// When the stack is not up, has no such component, or its cluster does not answer.
pub async fn logs(
    setup: &Setup,
    name: &str,
    stack: &Stack,
    options: LogsOptions,
    on_line: &mut (dyn FnMut(LogLine) + Send),
) -> Result<(), Failure> {
    let all: Vec<&str> = stack.components.iter().map(|component| component.name.as_str()).collect();
    known(&stack.name, &all, &options.components)?;
    let (wanted, grep) = options.wanted()?;
    let session = Session::open(setup, name, &Wanted::Own, None).await?;
    let asked = |component: &str| options.components.is_empty() || options.components.iter().any(|one| one == component);
    let found = |line: &LogLine| grep.as_ref().is_none_or(|grep| grep.is_match(&line.text));
    if let Some(supervisor) = &session.sight.supervisor {
        let processes = supervisor.status().await?.processes;
        let processes = processes.into_iter().filter(|process| asked(component_of(process))).collect();
        return of_processes(processes, wanted, &mut |line| {
            if found(&line) {
                on_line(line);
            }
        })
        .await;
    }
    let Some(cluster) = &session.sight.cluster else {
        return Err(Failure::preflight(format!("`{name}` is not up"))
            .why(session.sight.trouble.as_ref().map(|trouble| trouble.what.clone()).unwrap_or_default())
            .hint(format!("`tstack up --name {name}` brings it up.")));
    };
    let objects = observe::objects_of(cluster, stack).await?;
    let sources: Vec<(&str, ObjectId)> = stack
        .components
        .iter()
        .zip(objects)
        .filter(|(component, _)| asked(&component.name))
        .flat_map(|(component, ids)| ids.into_iter().map(|id| (component.name.as_str(), id)))
        .collect();
    let lines = Mutex::new(on_line);
    let tell = |line: LogLine| {
        if found(&line) {
            // a panic of the one who listens ends the run anyway
            if let Ok(mut on_line) = lines.lock() {
                on_line(line);
            }
        }
    };
    of_containers(cluster, sources, wanted, &tell).await
}

/// Every component that was asked for is one of the stack's.
fn known(stack: &str, all: &[&str], asked: &[String]) -> Result<(), Failure> {
    let unknown: Vec<&str> = asked.iter().map(String::as_str).filter(|name| !all.contains(name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let what = format!("the stack `{stack}` has no component `{}`", unknown.join("`, `"));
    Err(Failure::usage(what).why(format!("it has {}", all.join(", "))))
}

async fn of_containers(
    cluster: &Cluster,
    sources: Vec<(&str, ObjectId)>,
    wanted: LogsWanted,
    tell: &(dyn Fn(LogLine) + Send + Sync),
) -> Result<(), Failure> {
    let line = |component: &str, line: ContainerLine| LogLine {
        component: component.to_owned(),
        from: format!("{} {}", line.pod, line.container),
        time: line.time,
        text: line.text,
    };
    if wanted.follow {
        let all: FuturesUnordered<_> = sources
            .iter()
            .map(|(component, id)| async move { cluster.logs(id, wanted, &|one| tell(line(component, one))).await })
            .collect();
        return all.fold(Ok(()), |all, one| async { all.and(one) }).await;
    }
    let all = Mutex::new(Vec::new());
    let keep = |one: LogLine| {
        if let Ok(mut all) = all.lock() {
            all.push(one);
        }
    };
    let keep = &keep;
    try_join_all(sources.iter().map(|(component, id)| async move { cluster.logs(id, wanted, &|one| keep(line(component, one))).await }))
        .await?;
    let mut all = all.into_inner().unwrap_or_default();
    // stable: lines of one container stay in their order
    all.sort_by_key(|line| line.time);
    all.into_iter().for_each(tell);
    Ok(())
}

fn component_of(process: &ProcessStatus) -> &str {
    process.component.as_deref().unwrap_or(&process.name)
}

/// Processes write files, without times: `since` asks for what is written from now on where it is followed, and else for all.
async fn of_processes(processes: Vec<ProcessStatus>, wanted: LogsWanted, tell: &mut (dyn FnMut(LogLine) + Send)) -> Result<(), Failure> {
    let folders: std::collections::BTreeSet<&Path> = processes.iter().filter_map(|process| process.log.parent()).collect();
    // before the first look, so that nothing is written in between
    let mut changes = Vec::new();
    if wanted.follow {
        for folder in folders {
            changes.push(Changes::of(folder)?);
        }
    }
    let mut tails: Vec<(&ProcessStatus, Tail)> = processes.iter().map(|process| (process, Tail::of(&process.log))).collect();
    let mut first = true;
    loop {
        for (process, tail) in &mut tails {
            let lines = tail.lines()?;
            let last = wanted.last.filter(|_| first).map_or(lines.len(), |last| last as usize);
            let time = (!first).then(clock::now);
            for text in lines.iter().skip(lines.len().saturating_sub(last)) {
                tell(LogLine { component: component_of(process).to_owned(), from: process.name.clone(), time, text: text.clone() });
            }
        }
        first = false;
        if changes.is_empty() {
            return Ok(());
        }
        let mut next: FuturesUnordered<_> = changes.iter_mut().map(Changes::next).collect();
        next.next().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_the_stack_has_not_is_named_with_those_it_has() {
        let asked = |names: &[&str]| known("demo", &["web", "keda"], &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        asked(&[]).unwrap();
        asked(&["keda"]).unwrap();
        let failure = asked(&["keda", "redis"]).unwrap_err();
        assert_eq!((failure.what.as_str(), failure.why[0].as_str()), ("the stack `demo` has no component `redis`", "it has web, keda"));
    }

    #[test]
    fn what_bounds_the_lines_is_asked_for_or_the_last_twenty() {
        let options = |since: Option<&str>, last| LogsOptions {
            components: Vec::new(),
            follow: false,
            since: since.map(str::to_owned),
            last,
            grep: None,
        };
        assert_eq!(options(None, None).wanted().unwrap().0.last, Some(20));
        assert_eq!(options(Some("10m"), None).wanted().unwrap().0.last, None);
        assert_eq!(options(Some("10m"), Some(3)).wanted().unwrap().0.last, Some(3));
        assert_eq!(options(Some("soon"), None).wanted().unwrap_err().what, "--since");
    }
}
