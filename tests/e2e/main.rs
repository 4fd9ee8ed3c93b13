//! Real-cluster tier: the real binary, the real components, real requests. `docs/testing.md` has its contract.
//!
//! Every test is ignored unless asked for: `make e2e` builds the test bed that they need and runs them one after the other.
#![expect(clippy::disallowed_methods, reason = "these tests start programs, read the environment and write files as a user would")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a scenario that cannot go on panics, and prints what held"
)]

mod support;

mod a_clear_reason;
mod crash_and_resume;
mod faults;
mod no_key_leaks;
mod on_a_running_stack;
mod on_two_providers;
mod snapshots;
mod somebody_elses_cluster;
mod the_main_job;
