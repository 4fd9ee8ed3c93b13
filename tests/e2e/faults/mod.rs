//! Faults, put in on purpose: afterwards `up` converges, nothing is lost, and `down` leaves nothing.
//!
//! `make faults` runs them and writes the table of `docs/reliability.md`; `TSTACK_FAULT_RUNS` sets how often a fault that is left to
//! chance is put in, `TSTACK_FAULT_SEED` when.

mod cluster;
mod disk;
mod files;
mod forwarder;
mod holders;
mod kills;
mod load;
mod pauses;
mod ports;
mod row;

use std::time::Duration;

use tstack::event::Event;

use crate::support::machine::Snapshot;
use crate::support::program::{Running, Said};
use crate::support::{Sandbox, holds, part, same, told};
use crate::the_main_job::{all_green, checks, nothing_is_left};

/// `up` of the whole stack, from images.
const UP: [&str; 4] = ["up", "--no-snapshot", "--output", "json"];

/// A stack of a second, for what has nothing to do with what runs.
const SMALL: &str = r"apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: { name: small }
components:
  - name: space
    manifests: { files: [space.yaml] }
  - name: app
    needs: [space:applied]
    manifests: { files: [app.yaml] }
";

const SPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: { name: small }\n";

const APP: &str = r"apiVersion: v1
kind: ConfigMap
metadata: { name: app, namespace: small }
data: { mode: test }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: app, namespace: small }
automountServiceAccountToken: false
";

/// Writes the small stack; its folder.
fn small(s: &Sandbox) -> String {
    s.write("small/space.yaml", SPACE);
    s.write("small/app.yaml", APP);
    s.write("small/stack.yaml", SMALL).parent().unwrap().to_str().unwrap().to_owned()
}

/// Where the run is when that event comes.
#[track_caller]
fn reaches(run: &mut Running, sentence: &str, wanted: impl Fn(&Event) -> bool) {
    let line = run.line_that(|line| told::event(line).is_some_and(|event| wanted(&event)));
    holds(sentence, line.is_some(), || "it ended before".into());
}

fn begins(step: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::StepStarted { id } if id.starts_with(step))
}

/// What a run said of each step that failed, or of itself where it failed before the first: what, why and what to do.
fn failures(said: &Said) -> String {
    let of = |event| if let Event::StepFailed { failure, .. } = event { Some(failure) } else { None };
    let steps: Vec<String> =
        told::events(said).into_iter().filter_map(of).map(|failure| serde_json::to_string(&failure).unwrap()).collect();
    let whole = said.stdout.lines().filter(|line| line.contains("\"event\":\"failure\"")).map(str::to_owned);
    steps.into_iter().chain(whole).collect::<Vec<_>>().join("\n        | ")
}

/// The whole stack is as it should be: the plan is empty and all checks pass.
#[track_caller]
fn converged(s: &Sandbox, name: &str) {
    part("`up` converges");
    let up = s.tstack(name, &UP).well();
    println!("{}", told::times(&up));
    let verify = s.tstack(name, &["verify", "--output", "json"]).well();
    all_green(&verify, checks());
    same("and then there is nothing to do", &s.tstack(name, &["plan", "--no-snapshot", "--exit-code"]).code, &Some(0));
}

/// `down` leaves what was there before, and that is all.
#[track_caller]
fn leaves_nothing(s: &Sandbox, name: &str, before: &Snapshot) {
    part("`down` leaves nothing");
    s.tstack(name, &["down", "--output", "json"]).well();
    nothing_is_left(before, &Snapshot::take(s));
}

/// How often a fault that is left to chance is put in.
fn runs() -> u32 {
    std::env::var("TSTACK_FAULT_RUNS").ok().map_or(50, |text| text.parse().expect("TSTACK_FAULT_RUNS is a number"))
}

/// Instants that nobody chose, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        let seed = std::env::var("TSTACK_FAULT_SEED").ok().map(|text| text.parse().expect("TSTACK_FAULT_SEED is a number"));
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("faults"));
        println!("        TSTACK_FAULT_SEED={seed}");
        Self(seed)
    }

    /// A time below that one (splitmix64).
    fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_micros((mixed ^ (mixed >> 31)) % u64::try_from(most.as_micros()).unwrap())
    }
}
