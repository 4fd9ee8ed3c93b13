//! The daemon's inside: what the hidden verb `forwarder` runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Spec;
use super::board::{Board, Status};
use super::near::Near;
use super::tunnel::{Cluster, Upstream};
use super::{FORWARDER, server};
use crate::daemon::{Door, Lock, allow_many_files, leaving_its_failure, log_to, read_spec, watch_signals};
use crate::failure::{Failure, FailureKind};
use crate::world::clock;
use crate::world::kube::client_for_tunnels;

/// How often the daemon looks whether it is still wanted. The file systems that state folders lie on have no common watch.
const WANTED: Duration = Duration::from_secs(2);
/// How often, counted in looks, the cluster's identity is checked.
const IDENTITY_EVERY: u64 = 15;
/// How long the API server may take to say which cluster it is.
const IDENTITY: Duration = Duration::from_secs(10);

/// Serves the spec of a state folder until it is stopped by its socket or a signal, until the spec is taken away or
/// changed, or until another cluster answers in its cluster's place.
///
/// # Errors
/// When another daemon serves this folder, the spec is not there, the cluster is not the right one or does not answer, or
/// a port is taken. The failure is left in the state folder too, for the one who started the daemon.
pub async fn run(state: &Path) -> Result<(), Failure> {
    leaving_its_failure(FORWARDER, state, serve_spec(state)).await
}

async fn serve_spec(state: &Path) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let _signals = watch_signals(&stop)?;
    allow_many_files();
    let Some(lock) = Lock::take(FORWARDER, state).await? else {
        return Err(Failure::new(FailureKind::Held, format!("another forwarder serves {}", state.display()))
            .hint("Ask it with `tstack status`, or end it with `tstack down`."));
    };
    let Some(spec) = read_spec::<Spec>(FORWARDER, state)? else {
        return Err(Failure::usage(format!("there is nothing to forward: {} holds no spec", state.display())));
    };
    let client = client_for_tunnels(&spec.kubeconfig, spec.context.as_deref()).await?;
    let near = spec.near.then(|| Near::look(client.clone(), spec.kubeconfig.clone(), spec.identity.clone()));
    let upstream = Cluster { client, near };
    host(state, &spec, upstream, &lock, &stop).await
}

/// Serves until `stop`; the part that tests run with an upstream of their own.
pub(super) async fn host<U: Upstream>(
    state: &Path,
    spec: &Spec,
    upstream: U,
    lock: &Lock,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    check_identity(&upstream, spec).await?;
    let board = Arc::new(Board::new(spec.routes.clone(), log_to(FORWARDER.log(state))));
    let bound = server::bind(&board).await?;
    let door = Door::open(FORWARDER, state, lock)?;
    let since = clock::now();
    let status = || Status { pid: std::process::id(), since, routes: board.routes() };
    board.note(&format!("listening for {}", spec.routes.iter().map(super::Route::describe).collect::<Vec<_>>().join(", ")));
    tokio::join!(
        server::run(upstream.clone(), bound, stop.clone()),
        door.answer(status, stop),
        stay_while_wanted(state, spec, &upstream, stop, &board),
    );
    board.note("ended");
    Ok(())
}

async fn check_identity<U: Upstream>(upstream: &U, spec: &Spec) -> Result<(), Failure> {
    let late = || Err(format!("It said nothing for {} s.", IDENTITY.as_secs()));
    match timeout(IDENTITY, upstream.identity()).await.unwrap_or_else(|_| late()) {
        Ok(uid) if uid == spec.identity => Ok(()),
        Ok(uid) => Err(Failure::preflight("another cluster answers where ours was")
            .why(format!("The namespace kube-system has the uid {uid}; ours has {}.", spec.identity))
            .hint("Run `tstack up` again.")),
        Err(why) => Err(Failure::preflight("the API server does not answer").why(why).hint("See that the cluster runs: `tstack status`.")),
    }
}

/// Cancels `stop` when the daemon has lost its reason to live. A cluster that merely does not answer is no such reason.
async fn stay_while_wanted<U: Upstream>(state: &Path, spec: &Spec, upstream: &U, stop: &CancellationToken, board: &Board) {
    let mut looks = interval(WANTED);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watching = async {
        for look in 0_u64.. {
            looks.tick().await;
            match read_spec::<Spec>(FORWARDER, state) {
                Ok(Some(wanted)) if wanted == *spec => {}
                Ok(Some(_)) => return board.note("the spec was changed"),
                Ok(None) => return board.note("the spec was taken away"),
                // unknown is no reason to end
                Err(failure) => board.note(&failure.what),
            }
            if look % IDENTITY_EVERY == IDENTITY_EVERY - 1
                && let Ok(Ok(uid)) = timeout(IDENTITY, upstream.identity()).await
                && uid != spec.identity
            {
                return board.note("another cluster answers where ours was");
            }
        }
    };
    tokio::select! {
        () = watching => stop.cancel(),
        () = stop.cancelled() => {}
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
