//! The Task API: tasks in memory over HTTP, for showing what a platform does with a service.
//!
//! The program is thin over this library, so that tests can drive the router without a socket.

pub mod api;
pub mod config;
pub mod log;
pub mod metrics;
pub mod server;
pub mod shutdown;
pub mod store;
pub mod task;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::Config;
use metrics::Metrics;
use shutdown::Drain;
use store::Store;

/// Everything the handlers share.
pub struct App {
    /// What the environment asked for.
    pub config: Config,
    /// Counters and timings, as `/metrics` shows them.
    pub metrics: Metrics,
    /// Whether the process is going away, and what it still has to finish.
    pub drain: Drain,
    store: Mutex<Store>,
}

/// The application as handlers receive it.
pub type Shared = Arc<App>;

impl App {
    /// An application serving `store`.
    #[must_use]
    pub fn new(config: Config, store: Store) -> Shared {
        Arc::new(Self {
            metrics: Metrics::new(&config.service, &config.version),
            drain: Drain::default(),
            store: Mutex::new(store),
            config,
        })
    }

    /// The tasks; never hold the guard across an await.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
