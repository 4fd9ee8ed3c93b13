//! The tstack program: runs one command line, and hears Ctrl-C.

use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
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
            code = cli::run(std::env::args_os(), &env, &cancel) => code,
            // the second signal: whatever still runs is dropped, and programs with it
            () = two_signals(&cancel) => FailureKind::Cancelled.exit_code(),
        }
    });
    // tasks end here, and the process groups that they hold; what blocks is not waited for
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ExitCode::from(code)
}

/// The first Ctrl-C (or SIGTERM) asks to stop; returns at the second.
async fn two_signals(cancel: &CancellationToken) {
    signal().await;
    cancel.cancel();
    signal().await;
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
