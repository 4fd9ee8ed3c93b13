//! The life of the process: bind, serve, drain on a signal, leave.

use std::io;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::shutdown::Gate;
use crate::store::{CAPACITY, Store};
use crate::{App, Shared, api, log};

/// Serves until SIGTERM or SIGINT, then until requests in flight are done or out of time.
///
/// # Errors
/// When the port cannot be bound or signals cannot be watched.
pub async fn run(config: Config) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (host, port) = (config.host, config.port);
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on port {port} of {host}: {error}"))
    })?;
    let app = App::new(config, Store::new(CAPACITY));
    let gate = Gate::new(listener, app.clone())?;
    log::event(
        "listening",
        json!({
            "address": axum::serve::Listener::local_addr(&gate)?.to_string(),
            "service": app.config.service,
            "version": app.config.version,
        }),
    );

    let waiting = app.clone();
    let idle = async move { waiting.drain.idle().await };
    let served = axum::serve(gate, api::router(&app)).with_graceful_shutdown(idle);
    let stopped = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        drained(&app).await;
    };
    tokio::select! {
        // In this order the log tells of the draining before its end.
        biased;
        () = stopped => {
            log::event("drain time over", json!({ "in_flight": app.drain.in_flight() }));
            Ok(())
        }
        outcome = served.into_future() => {
            log::event("drained", json!({}));
            outcome
        }
    }
}

/// Starts draining and waits for as long as it may take.
async fn drained(app: &Shared) {
    app.drain.begin();
    app.drain.closed().await;
    let seconds = app.config.drain.as_secs();
    log::event("draining", json!({ "in_flight": app.drain.in_flight(), "seconds": seconds }));
    tokio::time::sleep(app.config.drain).await;
}
