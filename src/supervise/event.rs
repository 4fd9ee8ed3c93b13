//! What the supervisor's one task hears.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::sync::oneshot;

use super::keep::Happened;
use super::wire::{Answer, Ask};
use crate::failure::Failure;
use crate::world::child::Network;

#[derive(Debug)]
pub(super) enum Event {
    /// A question that changes something, or whose answer needs more than what is published.
    Asked(Ask, oneshot::Sender<Answer>),
    /// Of the run of that number.
    Happened(u64, Happened),
    /// Envoy Gateway can be started: the network for it, and notes on that.
    Prepared(Result<Prepared, Failure>),
    /// A launcher of that number wants an Envoy; it is told which socket to carry.
    Launcher(u64, Vec<String>, oneshot::Sender<Result<PathBuf, Failure>>),
    /// It carries now.
    Carrying(u64),
    /// It is gone.
    LauncherGone(u64),
    /// It has been gone for a while.
    NoLauncher(u64),
    /// Where the Envoy of that run listens.
    Listens(u64, BTreeSet<SocketAddr>),
    /// An Envoy cannot get these ports, for these reasons.
    Missing(u64, Vec<String>),
    /// Time has passed that something waits for.
    Again,
    /// The spec is no longer there, or a signal or caller ended us.
    Stop,
}

/// What was found before Envoy Gateway is started.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) network: Network,
    pub(super) notes: Vec<String>,
}
