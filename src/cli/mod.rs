//! The command line.
//!
//! Purpose: clap types, one file a verb: arguments in, options of ops out, and the report of what came.
//! Reads: the command line, the environment through `env`. Writes: through report only.
//! Must not: know the cluster, the engine or a plan.

mod args;
mod certs;
mod down;
mod explain;
mod generate;
mod lint;
mod logs;
mod meta;
mod pause;
mod plan;
mod shown;
mod snapshot;
mod source;
mod status;
mod timings;
mod up;
mod verify;
mod watch;

use std::ffi::OsString;

use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::world::child;

pub use args::{Args, command};

/// Runs one command line. Everything that a person reads has been written when it returns.
///
/// Gives the exit code.
pub async fn run(line: impl IntoIterator<Item = OsString>, env: &Env, cancel: &CancellationToken) -> u8 {
    let args = match Args::try_parse_from(line) {
        Ok(args) => args,
        Err(error) => {
            // help and version are no errors; clap knows where each goes
            let _ = error.print();
            return if error.use_stderr() { FailureKind::Usage.exit_code() } else { 0 };
        }
    };
    let mut shown = shown::Shown::new(&args.global, env);
    match dispatch(args, env, &mut shown, cancel).await {
        Ok(code) => code,
        Err(failure) => {
            shown.failure(&failure);
            failure.kind.exit_code()
        }
    }
}

/// Says that the system gives no threads or no event queue; nothing can be run then.
pub fn no_runtime(error: &std::io::Error) {
    let failure = Failure::internal("the system gives tstack no threads to run on").because(error);
    crate::report::Streams::real().say(&crate::report::failure(&failure, crate::report::Paint::default()));
}

/// What only looks is left at the first Ctrl-C; what changes something ends in order.
fn unless_cancelled<T>(looked: Option<Result<T, Failure>>) -> Result<T, Failure> {
    looked.unwrap_or_else(|| Err(Failure::new(FailureKind::Cancelled, "cancelled")))
}

async fn dispatch(args: Args, env: &Env, shown: &mut shown::Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    use args::Verb;
    let global = &args.global;
    match &args.verb {
        Verb::Up(up) => up::run(global, up, env, shown, cancel).await,
        Verb::Plan(up) => unless_cancelled(cancel.run_until_cancelled(plan::run(global, up, env, shown)).await),
        Verb::Verify(verify) => verify::run(global, verify, env, shown, cancel).await,
        Verb::Status(status) => unless_cancelled(cancel.run_until_cancelled(status::run(global, status, env, shown)).await),
        Verb::Down(down) => down::run(global, down, env, shown, cancel).await,
        Verb::Logs(args) => unless_cancelled(Box::pin(cancel.run_until_cancelled(logs::run(global, args, env, shown))).await),
        Verb::Certs { what } => certs::run(global, *what, env, shown, cancel).await,
        Verb::Timings(args) => timings::run(global, args, env, shown),
        Verb::Pause(args) => pause::pause(global, args, env, shown, cancel).await,
        Verb::Snapshot { what } => Box::pin(snapshot::run(global, what, env, shown, cancel)).await,
        Verb::Resume => pause::resume(global, env, shown, cancel).await,
        Verb::Lint(args) => lint::run(global, args, env, shown),
        Verb::Explain { rule } => explain::run(rule.as_deref(), shown),
        // the largest of the verbs would else be part of every one's memory
        Verb::Generate(args) => Box::pin(generate::run(global, args, env, shown, cancel)).await,
        Verb::Stacks => meta::stacks(shown),
        Verb::Schema { of } => meta::schema(*of, shown),
        Verb::Completions { shell } => meta::completions(*shell, shown),
        Verb::Man => meta::man(shown),
        Verb::Forwarder { state } => crate::forward::run(state).await.map(|()| 0),
        Verb::Supervisor { state } => Box::pin(crate::supervise::run(state, &env.path)).await.map(|()| 0),
        Verb::Child { parent, loopback, line } => Err(child::become_program(*parent, *loopback, line)),
        Verb::Proxy { state, line } => unless_cancelled(cancel.run_until_cancelled(crate::supervise::proxy(state, line)).await).map(|()| 0),
    }
}
