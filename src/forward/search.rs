//! Finds a pod for one connection: tries each, waits where there is none, gives up after a bound.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::board::Line;
use super::endpoints::{Pool, Snapshot, Target};
use super::tunnel::{End, Tunnel, Upstream};
use crate::world::backoff::Backoff;

/// How long a client is held while there is no pod for it: long enough for a pod to be replaced, short enough for a person.
pub(super) const HOLD: Duration = Duration::from_secs(10);
/// How long a client is held that said nothing yet: it waits for nothing, so it may as well be there when the cluster is
/// back from a restart of its node.
const HOLD_SILENT: Duration = Duration::from_mins(2);
/// How long one pod may take to be reached before the next is tried.
const DIAL: Duration = Duration::from_secs(3);

/// What all connections of one route share.
pub(super) struct Shared<U> {
    pub(super) upstream: U,
    pub(super) line: Arc<Line>,
    pub(super) pods: watch::Receiver<Snapshot>,
    pub(super) doubt: Arc<Notify>,
    pub(super) pool: Mutex<Pool>,
}

/// One connection's search; lives on when a tunnel fails before anything was carried.
pub(super) struct Search {
    tried: BTreeSet<Target>,
    backoff: Backoff,
    until: Instant,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { tried: BTreeSet::new(), backoff: Backoff::new(), until: Instant::now() + HOLD }
    }

    /// Opens a tunnel to the best pod. The error says why there is none.
    pub(super) async fn next<U: Upstream>(&mut self, shared: &Shared<U>) -> Result<(Target, Tunnel), String> {
        let mut pods = shared.pods.clone();
        loop {
            let snapshot = pods.borrow_and_update().clone();
            let pick = shared.pool.lock().unwrap_or_else(PoisonError::into_inner).pick(&snapshot.pods, &self.tried);
            match pick {
                Some(target) => match self.dial(shared, &target, snapshot.node_port).await {
                    Ok(tunnel) => return Ok((target, tunnel)),
                    Err(why) => self.failed(shared, target, &why),
                },
                // nobody to ask: a change of the endpoints is the only thing that can help
                None if self.tried.is_empty() => {
                    if !matches!(timeout_at(self.until, pods.changed()).await, Ok(Ok(()))) {
                        return Err(snapshot.problem.unwrap_or_else(|| "no pod is ready".into()));
                    }
                }
                // every pod failed: what is known of them may be old, and a pod can come back without a change of the endpoints
                None => {
                    if Instant::now() >= self.until {
                        return Err("no pod could be reached".into());
                    }
                    shared.doubt.notify_one();
                    let pause = (Instant::now() + self.backoff.step()).min(self.until);
                    let _ = timeout_at(pause, pods.changed()).await;
                    self.tried.clear();
                }
            }
        }
    }

    async fn dial<U: Upstream>(&self, shared: &Shared<U>, target: &Target, node_port: Option<u16>) -> Result<Tunnel, String> {
        timeout(DIAL, shared.upstream.dial(&shared.line.route.service.namespace, target, node_port))
            .await
            .unwrap_or_else(|_| Err(format!("the API server did not open a connection within {} s", DIAL.as_secs())))
    }

    /// A tunnel ended before anything was carried.
    pub(super) fn ended<U>(&mut self, shared: &Shared<U>, target: Target, end: End) {
        match end {
            End::Refused(why) => self.failed(shared, target, &why),
            End::Broken(why) => {
                // only a client that said nothing comes here
                self.until = Instant::now() + HOLD_SILENT;
                self.failed(shared, target, &why);
            }
            End::Closed => {}
        }
    }

    fn failed<U>(&mut self, shared: &Shared<U>, target: Target, why: &str) {
        shared.line.trouble(&format!("pod {} port {}: {why}", target.pod, target.port));
        shared.pool.lock().unwrap_or_else(PoisonError::into_inner).failed(&target);
        self.tried.insert(target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::board::Board;
    use crate::forward::fake::{Fake, Pod, deaf, route};

    fn shared(fake: &Fake) -> Shared<Fake> {
        let board = Board::new(vec![route()], deaf());
        Shared {
            upstream: fake.clone(),
            line: board.lines()[0].clone(),
            pods: fake.pods.subscribe(),
            doubt: Arc::default(),
            pool: Mutex::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_pod_a_client_is_held_for_a_bounded_time_and_told_why() {
        let begun = Instant::now();
        let why = Search::new().next(&shared(&Fake::new(&[]))).await.err().unwrap();
        assert_eq!(why, "no pod behind Service task-api/gateway is ready");
        assert_eq!(begun.elapsed().as_secs(), HOLD.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_stays_unreachable_is_tried_again_at_most_two_seconds_later() {
        let fake = Fake::new(&[("a", Pod::Unreachable)]);
        let begun = Instant::now();
        assert!(Search::new().next(&shared(&fake)).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), HOLD.as_secs());
        // 50 ms doubling to 1.6 s is seven tries in 3.15 s, then one every 2 s, and a last one when 10 s are over
        assert_eq!(fake.dialled.lock().unwrap().len(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn when_every_pod_fails_the_watch_is_asked_anew() {
        let shared = shared(&Fake::new(&[("a", Pod::Unreachable)]));
        let asked = shared.doubt.clone();
        let mut search = Search::new();
        tokio::select! {
            _ = search.next(&shared) => panic!("there is no pod to find"),
            () = asked.notified() => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_does_not_answer_gives_way_to_the_next() {
        let fake = Fake::new(&[("a", Pod::Silent), ("b", Pod::Echoes)]);
        let begun = Instant::now();
        let (target, _) = Search::new().next(&shared(&fake)).await.ok().unwrap();
        assert_eq!((target.pod.as_str(), begun.elapsed().as_secs()), ("b", DIAL.as_secs()));
    }
}
