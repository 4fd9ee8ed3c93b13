//! What scenarios are written in.
//!
//! Purpose: a sandbox with a home of its own, programs with a deadline, requests, and looks at the machine before and after.
//! Reads: the environment as `docs/testing.md` lists it; engine, cluster, /proc. Writes: the sandbox, artifacts, stdout.
//! Must not: sleep, leave anything behind, or end a process that it did not start.

mod artifacts;
pub(crate) mod client;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod program;
mod sandbox;
pub(crate) mod told;

pub(crate) use sandbox::Sandbox;

/// Begins a part of a scenario in the log.
pub(crate) fn part(title: &str) {
    println!("\n  {title}");
}

/// A check of the scenario: the log shows each that held, and a broken one ends the scenario with what was seen.
#[track_caller]
pub(crate) fn holds(sentence: &str, condition: bool, seen: impl FnOnce() -> String) {
    assert!(condition, "NOT TRUE: {sentence}\n{}", seen());
    println!("    ok  {sentence}");
}

/// Lets time pass, where that it passes is the fault.
pub(crate) fn passes(time: std::time::Duration) {
    client::runtime().block_on(async {
        let mut ticks = tokio::time::interval(time);
        ticks.tick().await;
        ticks.tick().await;
    });
}

/// As [`holds`], of two values.
#[track_caller]
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(sentence: &str, seen: &T, expected: &T) {
    assert!(seen == expected, "NOT TRUE: {sentence}\n  seen:     {seen:?}\n  expected: {expected:?}");
    println!("    ok  {sentence}");
}
