//! A port that is taken: before `up` looks, and between its look and its use.

use std::net::TcpListener;

use super::row::Row;
use super::{UP, begins, converged, failures, leaves_nothing, reaches};
use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part, same};

#[test]
#[ignore = "needs the test bed: make faults"]
fn a_port_is_taken() {
    const NAME: &str = "e2e-port";
    let s = Sandbox::new("a_port_is_taken");
    let mut row = Row::begin("port taken before the look, and between the look and its use");
    let before = Snapshot::take(&s);

    part("before the look");
    let taken = TcpListener::bind(("127.0.0.1", 8080)).unwrap();
    let up = s.tstack(NAME, &UP);
    row.struck();
    same("`up` ends with 3, before its first step", &up.code, &Some(3));
    let owner = format!("process {}", std::process::id());
    holds("it names the port and who has it", up.all().contains("port 8080") && up.all().contains(&owner), || up.all());
    drop(taken);
    same("and made nothing", &Snapshot::take(&s), &before);

    part("between the look and its use");
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "`up` has looked, and makes the cluster", begins("cluster"));
    let taken = TcpListener::bind(("127.0.0.1", 8080)).unwrap();
    let up = up.finish();
    row.struck();
    same("`up` ends with 4", &up.code, &Some(4));
    holds("it names the port", failures(&up).contains("8080"), || up.all());
    println!("        | {}", failures(&up));
    drop(taken);
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}
