//! A laptop that sleeps: tstack or the node stands still for a minute, and goes on.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::row::Row;
use super::{UP, begins, converged, leaves_nothing, reaches};
use crate::support::client::on_one_connection;
use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part, passes, same};

const SLEEP: Duration = Duration::from_mins(1);
const TASKS: &str = "http://127.0.0.1:8080/api/tasks";

#[test]
#[ignore = "needs the test bed: make faults"]
fn a_minute_of_sleep() {
    const NAME: &str = "e2e-sleep";
    let node = "tstack-e2e-sleep-control-plane";
    let s = Sandbox::new("a_minute_of_sleep");
    let mut row = Row::begin("60 s of sleep: tstack in `up`, the node in `up`, the node of a running stack");
    let before = Snapshot::take(&s);

    part("tstack stands still while helm installs");
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "`up` gets to the charts", begins("apply:envoy-gateway"));
    up.signal(Signal::STOP);
    row.struck();
    passes(SLEEP);
    up.signal(Signal::CONT);
    up.finish().well();
    converged(&s, NAME);
    row.converged();

    part("the node stands still under a running stack");
    s.run("docker", &["pause", node]).well();
    row.struck();
    passes(SLEEP);
    s.run("docker", &["unpause", node]).well();
    let began = Instant::now();
    let answers = on_one_connection(TASKS, &crate::support::client::user("sleeper"), 1);
    same("the next request is answered with 200", &answers[0].status.as_u16(), &200);
    let after = began.elapsed();
    holds(&format!("{:.1} s after it woke", after.as_secs_f64()), after < Duration::from_secs(5), || format!("{after:?}"));
    row.note(format!("first 200 {:.1} s after the node woke", after.as_secs_f64()));
    converged(&s, NAME);
    row.converged();

    part("the node stands still while `up` works on the stack");
    s.tstack(NAME, &["down", "--keep-cluster"]).well();
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "`up` gets to the charts", begins("apply:keda"));
    s.run("docker", &["pause", node]).well();
    row.struck();
    passes(SLEEP);
    s.run("docker", &["unpause", node]).well();
    let up = up.finish();
    holds("`up` goes on, or says why not", matches!(up.code, Some(0 | 4)), || up.all());
    row.note(if up.code == Some(0) { "`up` slept through it" } else { "`up` said why it ended; the next one converged" });
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}
