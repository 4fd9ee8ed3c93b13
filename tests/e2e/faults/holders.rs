//! Several tstacks at once: one of each name works, the others say who it is; different names get in nobody's way.

use super::row::Row;
use super::small;
use crate::support::machine::Snapshot;
use crate::support::program::Running;
use crate::support::{Sandbox, holds, part, same};
use crate::the_main_job::nothing_is_left;

#[test]
#[ignore = "needs the test bed: make faults"]
fn many_at_once() {
    const NAME: &str = "e2e-many";
    let s = Sandbox::new("many_at_once");
    let mut row = Row::begin("eight tstacks on one name, and three names at once");
    let before = Snapshot::take(&s);
    let folder = small(&s);
    let with_stack = Snapshot::take(&s);

    part("eight `up` on one name");
    let all: Vec<Running> = (0..8).map(|_| s.start_tstack(NAME, &["up", &folder, "--no-snapshot"])).collect();
    let pids: Vec<u32> = all.iter().map(Running::pid).collect();
    let all: Vec<_> = all.into_iter().map(Running::finish).collect();
    row.struck();
    same("one works", &all.iter().filter(|said| said.code == Some(0)).count(), &1);
    let held: Vec<_> = all.iter().filter(|said| said.code == Some(7)).collect();
    same("seven are told that it is held", &held.len(), &7);
    let worker = pids[all.iter().position(|said| said.code == Some(0)).unwrap()];
    let holder = format!("tstack up, process {worker}");
    holds("and by whom", held.iter().all(|said| said.stderr.contains(&holder)), || held[0].all());
    row.converged();

    part("eight `down` on it");
    let all: Vec<Running> = (0..8).map(|_| s.start_tstack(NAME, &["down"])).collect();
    let all: Vec<_> = all.into_iter().map(Running::finish).collect();
    row.struck();
    for said in &all {
        holds(&format!("ends with {:?}", said.code), matches!(said.code, Some(0 | 7)), || said.all());
    }
    nothing_is_left(&with_stack, &Snapshot::take(&s));
    row.converged();

    part("three names at once, from nothing: the network is made once, and goes with the last");
    let names = ["e2e-many-a", "e2e-many-b", "e2e-many-c"];
    let all: Vec<Running> = names.iter().map(|name| s.start_tstack(name, &["up", &folder, "--no-snapshot"])).collect();
    for running in all {
        running.finish().well();
    }
    row.struck();
    let networks = s.run("docker", &["network", "ls", "--filter", "name=^kind$", "--quiet"]).well().stdout;
    same("there is one network `kind`", &networks.lines().count(), &1);
    // one goes while another comes
    let down = s.start_tstack(names[0], &["down"]);
    let up = s.start_tstack("e2e-many-d", &["up", &folder, "--no-snapshot"]);
    down.finish().well();
    up.finish().well();
    row.struck();
    let all: Vec<Running> = [names[1], names[2], "e2e-many-d"].iter().map(|name| s.start_tstack(name, &["down"])).collect();
    for running in all {
        running.finish().well();
    }
    std::fs::remove_dir_all(&folder).unwrap();
    nothing_is_left(&before, &Snapshot::take(&s));
    row.converged();
}
