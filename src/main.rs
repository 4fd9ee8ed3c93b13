//! The tstack program: runs one command line, and hears Ctrl-C, SIGTERM and the end of its terminal.

use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
#[cfg(unix)]
use tstack::world::machine;
use tstack::{cli, env::Env, failure::FailureKind};

fn main() -> ExitCode {
    // what tstack does is mostly to wait: one thread hands nothing over, and keeps the memory of one
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            cli::no_runtime(&error);
            return ExitCode::from(FailureKind::Internal.exit_code());
        }
    };
    let code = runtime.block_on(async {
        let (cancel, env) = (CancellationToken::new(), Env::read());
        tokio::select! {
            // signals are heard before anything is done
            biased;
            // the second signal: whatever still runs is dropped, and programs with it
            () = two_signals(&cancel) => FailureKind::Cancelled.exit_code(),
            code = cli::run(std::env::args_os(), &env, &cancel) => code,
        }
    });
    // tasks end here, and the process groups that they hold; what blocks is not waited for
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ExitCode::from(code)
}

/// The first Ctrl-C or SIGTERM asks to stop; returns at the second. A terminal that is closed asks to stop, too, and is never one of the two:
/// shell and system tell it more than once.
#[cfg(unix)]
async fn two_signals(cancel: &CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    // `nohup` has asked that it be passed over
    let mut hangup = if machine::passes_over_hangup() { None } else { signal(SignalKind::hangup()).ok() };
    let mut heard = 0;
    while heard < 2 {
        tokio::select! {
            _ = interrupt.recv() => heard += 1,
            _ = terminate.recv() => heard += 1,
            () = told(&mut hangup) => {}
        }
        cancel.cancel();
    }
}

/// Returns at each of these signals; never where they are not listened for.
#[cfg(unix)]
async fn told(signals: &mut Option<tokio::signal::unix::Signal>) {
    match signals {
        Some(signals) => drop(signals.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn two_signals(cancel: &CancellationToken) {
    for _ in 0..2 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        cancel.cancel();
    }
}
