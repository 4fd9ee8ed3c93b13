//! How a stack is, as tables.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use crate::status::{ClusterState, ComponentState, Health, Processes, Provider, Status};

use super::text::{neutralise, whole};
use super::{Paint, plural, table};

/// The text of a status, ending in a line break; `now` turns times into ages.
#[must_use]
pub fn status(of: &Status, now: Timestamp, width: Option<usize>, paint: Paint) -> String {
    let mut text = format!("{} is {}\n", paint.bold(&neutralise(&of.stack)), health(of.health, paint));
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    fact("cluster", cluster(of, paint));
    if let Some(forwarder) = &of.forwarder {
        let open = plural(usize::try_from(forwarder.connections).unwrap_or(usize::MAX), "open connection");
        fact("forwarder", format!("process {}, for {}, {open}", forwarder.pid, whole(age(forwarder.since, now))));
    }
    if let Some(processes) = &of.processes {
        let since = whole(age(processes.since, now));
        fact("supervisor", format!("process {}, for {since}; all together hold {}", processes.supervisor, megabytes(processes.memory)));
        if let Some(folder) = processes.all.iter().find_map(|process| std::path::Path::new(&process.log).parent()) {
            fact("logs", neutralise(&folder.display().to_string()));
        }
        for note in &processes.notes {
            fact("note", neutralise(note));
        }
    }
    if let Some(checks) = &of.checks {
        let failed = format!("{} failed", checks.failed);
        let failed = if checks.failed > 0 { paint.bad(&failed) } else { failed };
        fact("checks", format!("{} passed, {failed}, {} ago", checks.passed, whole(age(checks.when, now))));
    }
    if !of.components.is_empty() {
        let rows: Vec<_> = of
            .components
            .iter()
            .map(|component| {
                let (state, reason) = state(&component.state, paint);
                let version = component.version.as_deref().unwrap_or("-");
                vec![neutralise(&component.name), neutralise(&component.kind), neutralise(version), state, reason]
            })
            .collect();
        let reasons = rows.iter().any(|row| !row[4].is_empty());
        let heads = ["component", "kind", "version", "state", "reason"];
        let _ = write!(text, "\n{}", table(if reasons { &heads } else { &heads[..4] }, &rows, width, paint));
    }
    if let Some(processes) = &of.processes {
        let _ = write!(text, "\n{}", self::processes(processes, width, paint));
    }
    if !of.exposures.is_empty() {
        let rows: Vec<_> = of
            .exposures
            .iter()
            .map(|exposure| {
                let reachable = match exposure.reachable {
                    Some(true) => paint.good("yes"),
                    Some(false) => paint.bad("no"),
                    None => paint.warn("unknown"),
                };
                vec![neutralise(&exposure.name), paint.accent(&neutralise(&exposure.url)), exposure.path.word().to_owned(), reachable]
            })
            .collect();
        let _ = write!(text, "\n{}", table(&["exposed", "address", "by", "reachable"], &rows, width, paint));
    }
    text
}

fn processes(of: &Processes, width: Option<usize>, paint: Paint) -> String {
    let rows: Vec<_> = of
        .all
        .iter()
        .map(|process| {
            let state = if process.state == "ready" { paint.good("ready") } else { paint.warn(&neutralise(&process.state)) };
            vec![
                neutralise(&process.name),
                process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                state,
                process.restarts.to_string(),
                process.memory.map_or_else(|| "-".to_owned(), megabytes),
                process.last_end.as_deref().map(neutralise).unwrap_or_default(),
            ]
        })
        .collect();
    let ended = rows.iter().any(|row| !row[5].is_empty());
    let heads = ["process", "pid", "state", "restarts", "memory", "last end"];
    table(if ended { &heads } else { &heads[..5] }, &rows, width, paint)
}

/// `64 MiB`, as people tell the memory of programs.
fn megabytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn health(health: Health, paint: Paint) -> String {
    match health {
        Health::Healthy => paint.good(health.word()),
        Health::Degraded => paint.bad(health.word()),
        Health::Absent | Health::Unknown => paint.warn(health.word()),
    }
}

/// `tstack-task-api (kind), running, Kubernetes v1.34.0, 2 h 5 m old`.
fn cluster(of: &Status, paint: Paint) -> String {
    let cluster = &of.cluster;
    let provider = match cluster.provider {
        Provider::Kind => "kind",
        Provider::Context => "context",
        Provider::Host => "processes on this machine",
    };
    let state = match cluster.state {
        ClusterState::Running => paint.good("running"),
        ClusterState::Stopped => paint.warn("stopped"),
        ClusterState::Paused => paint.warn("paused"),
        ClusterState::Absent => paint.warn("absent"),
        ClusterState::Unknown => paint.warn("unknown"),
    };
    let mut parts = vec![format!("{} ({provider})", neutralise(&cluster.name)), state];
    parts.extend(cluster.kubernetes.as_ref().map(|version| format!("Kubernetes {}", neutralise(version))));
    parts.extend(cluster.node_image.as_ref().map(|image| neutralise(image)));
    parts.extend(cluster.reason.as_ref().map(|reason| neutralise(reason)));
    parts.extend(cluster.age_seconds.map(|age| format!("{} old", whole(Duration::from_secs(age)))));
    parts.join(", ")
}

fn state(state: &ComponentState, paint: Paint) -> (String, String) {
    match state {
        ComponentState::Ready => (paint.good("ready"), String::new()),
        ComponentState::Waiting(reason) => (paint.warn("waiting"), neutralise(reason)),
        ComponentState::Failed(reason) => (paint.bad("failed"), neutralise(reason)),
        ComponentState::Absent => (paint.bad("absent"), String::new()),
        ComponentState::Unknown(reason) => (paint.warn("unknown"), neutralise(reason)),
        ComponentState::LeftOut(reason) => (paint.dim("left out"), neutralise(reason)),
    }
}

/// How long ago; a time in the future (a clock that was set back) is now.
fn age(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{ExposurePath, ForwarderStatus, ProcessStatus, tests::sample};

    fn shown(of: &Status, width: Option<usize>) -> String {
        status(of, "2026-01-01T10:05:09Z".parse().unwrap(), width, Paint { color: false, unicode: true })
    }

    #[test]
    fn a_healthy_stack_is_told_in_short() {
        insta::assert_snapshot!(shown(&sample(), None), @"
        task-api is healthy
          cluster    tstack-task-api (kind), running, Kubernetes v1.34.0, kindest/node:v1.34.0, 2 h 5 m old
          checks     12 passed, 0 failed, 5 m 9 s ago

        component  kind       version  state
        keda       helm       2.21.0   ready
        task-api   manifests  -        ready

        exposed  address                 by            reachable
        http     http://localhost:8080   port mapping  yes
        https    https://localhost:8443  port mapping  yes
        ");
    }

    #[test]
    fn trouble_is_told_with_its_reason() {
        let mut of = sample();
        of.components[0].state =
            ComponentState::Waiting("Deployment keda/keda-operator: 0 of 1 replicas available, image is pulled".into());
        of.exposures[1].reachable = None;
        of.exposures[1].path = ExposurePath::Forwarder;
        of.forwarder = Some(ForwarderStatus { pid: 4242, since: "2026-01-01T09:00:00Z".parse().unwrap(), connections: 1 });
        of.health = of.assess();
        insta::assert_snapshot!(shown(&of, Some(80)), @"
        task-api is degraded
          cluster    tstack-task-api (kind), running, Kubernetes v1.34.0, kindest/node:v1.34.0, 2 h 5 m old
          forwarder  process 4242, for 1 h 5 m, 1 open connection
          checks     12 passed, 0 failed, 5 m 9 s ago

        component  kind       version  state    reason
        keda       helm       2.21.0   waiting  Deployment keda/keda-operator: 0 of 1 r…
        task-api   manifests  -        ready

        exposed  address                 by            reachable
        http     http://localhost:8080   port mapping  yes
        https    https://localhost:8443  forwarder     unknown
        ");
    }

    #[test]
    fn processes_are_told_with_their_memory_and_how_they_ended() {
        let mut of = sample();
        let process = |name: &str, state: &str, last_end: Option<&str>| ProcessStatus {
            name: name.into(),
            pid: (state == "ready").then_some(77),
            state: state.into(),
            restarts: u32::from(last_end.is_some()),
            last_end: last_end.map(Into::into),
            memory: (state == "ready").then_some(64 << 20),
            log: format!("/s/task-api/host/logs/{name}.log"),
        };
        of.cluster.provider = Provider::Host;
        of.processes = Some(Processes {
            supervisor: 4242,
            since: "2026-01-01T09:00:00Z".parse().unwrap(),
            memory: 80 << 20,
            notes: vec!["Envoy Gateway listens on all interfaces".into()],
            all: vec![process("envoy", "ready", None), process("api", "waiting: again in 2 s", Some("killed by signal 9"))],
        });
        let text = shown(&of, None);
        let part: Vec<&str> = text.lines().skip(1).take_while(|line| !line.starts_with("exposed")).collect();
        insta::assert_snapshot!(part.join("\n"), @r"
          cluster    tstack-task-api (processes on this machine), running, Kubernetes v1.34.0, kindest/node:v1.34.0, 2 h 5 m old
          supervisor process 4242, for 1 h 5 m; all together hold 80 MiB
          logs       /s/task-api/host/logs
          note       Envoy Gateway listens on all interfaces
          checks     12 passed, 0 failed, 5 m 9 s ago

        component  kind       version  state
        keda       helm       2.21.0   ready
        task-api   manifests  -        ready

        process  pid  state                  restarts  memory  last end
        envoy    77   ready                  0         64 MiB
        api      -    waiting: again in 2 s  1         -       killed by signal 9
        ");
    }
}
