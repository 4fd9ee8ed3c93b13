//! The engine restarts, the node stops, the API server ends: under a running stack, and while `up` works on it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::row::Row;
use super::{UP, begins, converged, failures, leaves_nothing, reaches};
use crate::support::machine::Snapshot;
use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, same};

#[test]
#[ignore = "needs the test bed: make faults"]
fn the_engine_restarts() {
    const NAME: &str = "e2e-engine";
    let s = Sandbox::new("the_engine_restarts");
    let mut row = Row::begin("restart of the container engine under a running stack");
    let before = Snapshot::take(&s);
    s.tstack(NAME, &UP).well();
    let authority = std::fs::read(s.folder(NAME).join("ca.crt")).unwrap();

    part("the engine ends");
    let engine = Engine::find();
    engine.stop(&s);
    row.struck();
    let status = s.tstack(NAME, &["status"]);
    holds("`status` says that no engine answers", status.code != Some(0) && status.all().contains("engine"), || status.all());
    let down = s.tstack(NAME, &["down"]);
    holds("`down` takes nothing for gone that it cannot see", down.code == Some(3), || down.all());
    holds("and keeps what it knows", s.folder(NAME).join("state.json").exists(), || down.all());

    part("and comes back");
    Engine::start();
    let began = Instant::now();
    converged(&s, NAME);
    row.note(format!("back after {:.0} s, checks included twice", began.elapsed().as_secs_f64()));
    same("with the same local CA", &std::fs::read(s.folder(NAME).join("ca.crt")).unwrap(), &authority);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn the_node_stops() {
    const NAME: &str = "e2e-node";
    let node = "tstack-e2e-node-control-plane";
    let s = Sandbox::new("the_node_stops");
    let mut row = Row::begin("node stopped or killed, under a running stack and during `up`");
    let before = Snapshot::take(&s);
    s.tstack(NAME, &UP).well();
    for how in [&["stop", node][..], &["kill", node]] {
        part(&format!("docker {} under a running stack", how[0]));
        s.run("docker", how).well();
        row.struck();
        let status = s.tstack(NAME, &["status"]);
        holds("`status` says so", status.code == Some(4) && status.stdout.contains("stopped"), || status.all());
        converged(&s, NAME);
        row.converged();
    }
    part("docker kill while `up` works on the stack");
    s.tstack(NAME, &["down", "--keep-cluster"]).well();
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "`up` gets to the charts", begins("apply:keda"));
    s.run("docker", &["kill", node]).well();
    row.struck();
    tells_of_it(&up.finish());
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn the_api_server_ends() {
    const NAME: &str = "e2e-server";
    let s = Sandbox::new("the_api_server_ends");
    let mut row = Row::begin("kill -9 of the API server while `up` applies");
    let before = Snapshot::take(&s);
    s.tstack(NAME, &UP).well();
    for step in ["apply:envoy-gateway", "apply:prometheus", "apply:scaler"] {
        part(&format!("at the begin of {step}"));
        s.tstack(NAME, &["down", "--keep-cluster"]).well();
        let mut up = s.start_tstack(NAME, &UP);
        reaches(&mut up, "`up` gets there", begins(step));
        let kill = ["exec", "tstack-e2e-server-control-plane", "/bin/sh", "-c", "kill -9 $(pidof kube-apiserver)"];
        s.run("docker", &kill).well();
        row.struck();
        let up = up.finish();
        if up.code == Some(0) {
            row.note(format!("{step}: `up` went on by itself"));
        } else {
            row.note(format!("{step}: `up` said why it ended"));
            tells_of_it(&up);
        }
        converged(&s, NAME);
        row.converged();
    }
    leaves_nothing(&s, NAME, &before);
}

/// A run that was robbed of its cluster fails with a step, and says what it could not reach.
#[track_caller]
fn tells_of_it(up: &Said) {
    same("`up` ends with 4", &up.code, &Some(4));
    let failures = failures(up);
    holds("it says which steps failed, and why", !failures.is_empty(), || up.all());
    println!("        | {failures}");
}

/// The engine of this machine, started by `scripts/engine.sh`.
struct Engine(i32);

impl Engine {
    fn find() -> Self {
        let path = "/var/run/docker.pid";
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|e| panic!("this scenario restarts the engine of a machine without an init system: {path}: {e}"));
        Self(text.trim().parse().unwrap())
    }

    fn stop(&self, s: &Sandbox) {
        let pid = rustix::process::Pid::from_raw(self.0).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        s.run("tail", &["-s", "0.1", &format!("--pid={}", self.0), "-f", "/dev/null"]).well();
        holds("the engine ends", !Path::new(&format!("/proc/{}", self.0)).exists(), String::new);
    }

    fn start() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine.sh");
        let said = Command::new(script).output().unwrap();
        holds("the engine answers again", said.status.success(), || format!("{said:?}"));
    }
}
