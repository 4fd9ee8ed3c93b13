//! kill -9 of tstack: at the begin and the end of every step, and at instants that nobody chose.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use tstack::event::Event;

use super::row::Row;
use super::{Dice, UP, begins, converged, failures, leaves_nothing, reaches, runs, small};
use crate::support::machine::{Snapshot, kill, processes};
use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, passes, same, told};
use crate::the_main_job::nothing_is_left;

/// Longer than a whole `up` takes here by half: some runs end before they are killed.
const WHOLE_UP: Duration = Duration::from_mins(1);

#[test]
#[ignore = "needs the test bed: make faults"]
fn killed_at_every_step_of_up() {
    const NAME: &str = "e2e-steps";
    let s = Sandbox::new("killed_at_every_step_of_up");
    let mut row = Row::begin("kill -9 of `up`, once when each step begins and once when it ends");
    let before = Snapshot::take(&s);
    let mut struck: BTreeSet<String> = BTreeSet::new();
    let mut authority = Authority::default();
    loop {
        let mut up = s.start_tstack(NAME, &UP);
        let at = up.line_that(|line| boundary(line).is_some_and(|at| struck.insert(at)));
        if at.is_none() {
            up.finish().well();
            break;
        }
        ended_by_the_kill(&up.crash());
        row.struck();
        authority.look(&s, NAME, &mut row);
    }
    println!("        {} kills", struck.len());
    // of the main job's plan each step is one at least twice
    holds("every step was met", struck.len() > 80, || format!("{struck:#?}"));
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn killed_at_any_instant_of_up() {
    const NAME: &str = "e2e-any-up";
    let s = Sandbox::new("killed_at_any_instant_of_up");
    let mut row = Row::begin("kill -9 of `up` at random instants");
    let before = Snapshot::take(&s);
    let (mut dice, mut authority) = (Dice::new(), Authority::default());
    let mut kills = 0;
    while kills < runs() {
        let up = s.start_tstack(NAME, &UP).crash_after(dice.below(WHOLE_UP / 2));
        if up.code.is_none() {
            ended_by_the_kill(&up);
            kills = row.struck();
            authority.look(&s, NAME, &mut row);
        } else {
            // it was faster: once more, from nothing
            up.well();
            converged(&s, NAME);
            row.converged();
            leaves_nothing(&s, NAME, &before);
            authority = Authority::default();
        }
    }
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn killed_at_any_instant_of_down() {
    const NAME: &str = "e2e-any-down";
    let s = Sandbox::new("killed_at_any_instant_of_down");
    let mut row = Row::begin("kill -9 of `down` at random instants");
    let before = Snapshot::take(&s);
    let mut dice = Dice::new();
    let folder = small(&s);
    let with_stack = Snapshot::take(&s);
    let mut kills = 0;
    while kills < runs().div_ceil(2) {
        s.tstack(NAME, &["up", &folder, "--no-snapshot"]).well();
        while kills < runs().div_ceil(2) && killed(&s.start_tstack(NAME, &["down"]).crash_after(dice.below(Duration::from_secs(2)))) {
            kills = row.struck();
        }
        s.tstack(NAME, &["down"]).well();
        nothing_is_left(&with_stack, &Snapshot::take(&s));
        row.converged();
    }

    part("the stack alone, on a cluster that stays");
    let half = kills;
    s.tstack(NAME, &UP).well();
    while kills < half + runs() / 2 {
        let keep = ["down", "--keep-cluster"];
        while kills < half + runs() / 2 && killed(&s.start_tstack(NAME, &keep).crash_after(dice.below(Duration::from_secs(8)))) {
            kills = row.struck();
        }
        s.tstack(NAME, &keep).well();
        converged(&s, NAME);
        row.converged();
    }
    s.tstack(NAME, &["down"]).well();
    std::fs::remove_dir_all(folder).unwrap();
    nothing_is_left(&before, &Snapshot::take(&s));
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn helm_is_killed() {
    const NAME: &str = "e2e-helm";
    let s = Sandbox::new("helm_is_killed");
    let mut row = Row::begin("kill -9 of helm while it installs");
    let before = Snapshot::take(&s);
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "`up` gets to the charts", begins("apply:keda"));
    let helms = || processes(&s).into_iter().filter(|(_, command)| command.contains(" upgrade --install ")).collect::<Vec<_>>();
    for _ in 0..500 {
        if !helms().is_empty() {
            break;
        }
        passes(Duration::from_millis(10));
    }
    let helms = helms();
    for (pid, command) in &helms {
        println!("        kill {pid}: {}", command.chars().take(120).collect::<String>());
        row.struck();
        kill(*pid);
    }
    holds("helm ran", !helms.is_empty(), || "no process".into());
    let up = up.finish();
    // whether it goes on by itself or says what was killed: it never says that all is well when it is not
    let told = up.code == Some(0) || (up.code == Some(4) && failures(&up).contains("helm"));
    holds(&format!("`up` ended with {:?}", up.code), told, || up.all());
    row.note(if up.code == Some(0) { "`up` went on by itself" } else { "`up` named helm and how it ended; the next one converged" });
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn killed_at_any_instant_of_a_restore() {
    const NAME: &str = "e2e-any-restore";
    const RESTORE: [&str; 3] = ["up", "--output", "json"];
    let s = Sandbox::new("killed_at_any_instant_of_a_restore");
    let mut row = Row::begin("kill -9 of `up` at random instants while it restores a snapshot");
    let before = Snapshot::take(&s);
    let mut dice = Dice::new();
    s.tstack(NAME, &UP).well();
    let saved = told::data(&s.tstack(NAME, &["snapshot", "save", "--output", "json"]).well(), "summary");
    let saved = Saved { s: &s, image: saved["image"].as_str().unwrap().to_owned() };
    s.tstack(NAME, &["down"]).well();
    let mut kills = 0;
    while kills < runs().div_ceil(5) {
        let up = s.start_tstack(NAME, &RESTORE).crash_after(dice.below(Duration::from_secs(20)));
        if killed(&up) {
            kills = row.struck();
        } else {
            s.tstack(NAME, &["verify"]).well();
            row.converged();
            s.tstack(NAME, &["down"]).well();
        }
    }
    part("`up` converges");
    s.tstack(NAME, &RESTORE).well();
    s.tstack(NAME, &["verify"]).well();
    row.converged();
    s.tstack(NAME, &["down"]).well();
    drop(saved);
    nothing_is_left(&before, &Snapshot::take(&s));
}

/// A snapshot, which goes whatever comes of the scenario.
struct Saved<'a> {
    s: &'a Sandbox,
    image: String,
}

impl Drop for Saved<'_> {
    fn drop(&mut self) {
        self.s.tstack("e2e-any-restore", &["snapshot", "rm", &self.image]);
    }
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn asked_to_stop() {
    const NAME: &str = "e2e-stop";
    let s = Sandbox::new("asked_to_stop");
    let mut row = Row::begin("SIGINT, SIGTERM and SIGHUP while `up` works");
    let before = Snapshot::take(&s);
    for (signal, step) in
        [(Signal::INT, "cluster"), (Signal::TERM, "apply:cert-manager"), (Signal::HUP, "apply:keda"), (Signal::INT, "ready:")]
    {
        part(&format!("{signal:?} at the begin of {step}"));
        // whoever runs this test may ignore hang-ups, and tstack then would as well
        let mut up = s.start_tstack_by(&["env", "--default-signal=HUP"], NAME, &UP);
        reaches(&mut up, "`up` gets there", begins(step));
        up.signal(signal);
        let up = up.finish();
        row.struck();
        same("it ends with 130", &up.code, &Some(130));
        holds("and says that it was asked to", up.stdout.contains("plan.cancelling"), || up.all());
        same("no program of it lives on", &processes(&s), &Vec::new());
    }
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

/// What a line says of the begin or end of a step.
fn boundary(line: &str) -> Option<String> {
    match told::event(line)? {
        Event::StepStarted { id } => Some(format!("{id} begins")),
        Event::StepDone { id, .. } => Some(format!("{id} ends")),
        _ => None,
    }
}

/// What was killed had not failed before.
#[track_caller]
fn ended_by_the_kill(said: &Said) {
    assert!(said.code.is_none(), "it ended by itself: {}", said.all());
    let failed: Vec<Event> = told::events(said).into_iter().filter(|event| matches!(event, Event::StepFailed { .. })).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{}", said.all());
}

#[track_caller]
fn killed(said: &Said) -> bool {
    assert!(matches!(said.code, None | Some(0)), "{}", said.all());
    said.code.is_none()
}

/// The local CA, which people may trust already: once made it stays.
#[derive(Default)]
struct Authority(Option<Vec<u8>>);

impl Authority {
    fn look(&mut self, s: &Sandbox, name: &str, row: &mut Row) {
        let now = std::fs::read(s.folder(name).join("ca.crt")).ok();
        if self.0.is_some() && self.0 != now {
            row.lost("the local CA is another one");
        }
        assert!(self.0.is_none() || self.0 == now, "the local CA is another one");
        self.0 = now;
    }
}
