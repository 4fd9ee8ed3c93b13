//! An upstream for tests: its pods are tasks of the test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{Notify, watch};

use super::Route;
use super::board::Observer;
use super::endpoints::{Health, Snapshot, Target};
use super::tunnel::{End, Tunnel, Upstream};
use crate::stack::ServiceFile;

/// How a pod of the test behaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pod {
    /// Says its name, a blank, and what it heard.
    Echoes,
    /// The API server cannot reach it.
    Unreachable,
    /// The API server answers nothing.
    Silent,
    /// The tunnel opens, but nobody listens in the pod.
    Refuses,
    /// The tunnel breaks once the first byte has arrived.
    Breaks,
}

#[derive(Clone)]
pub(super) struct Fake {
    pub(super) pods: watch::Sender<Snapshot>,
    behaviour: Arc<Mutex<BTreeMap<String, Pod>>>,
    pub(super) dialled: Arc<Mutex<Vec<String>>>,
    pub(super) identity: Arc<Mutex<String>>,
}

impl Fake {
    pub(super) fn new(pods: &[(&str, Pod)]) -> Self {
        let fake = Self {
            pods: watch::channel(Snapshot::default()).0,
            behaviour: Arc::default(),
            dialled: Arc::default(),
            identity: Arc::new(Mutex::new("uid-1".into())),
        };
        fake.set(pods);
        fake
    }

    /// These pods are ready, and no others.
    pub(super) fn set(&self, pods: &[(&str, Pod)]) {
        *self.behaviour.lock().unwrap() = pods.iter().map(|(name, pod)| ((*name).to_owned(), *pod)).collect();
        let ready = pods.iter().map(|(name, _)| (Target { pod: (*name).into(), port: 80 }, Health::Ready)).collect();
        let problem = pods.is_empty().then(|| "no pod behind Service task-api/gateway is ready".to_owned());
        self.pods.send_replace(Snapshot { pods: ready, problem, ..Snapshot::default() });
    }
}

impl Upstream for Fake {
    async fn follow(&self, _service: ServiceFile, to: watch::Sender<Snapshot>, _doubt: Arc<Notify>) {
        let mut pods = self.pods.subscribe();
        pods.mark_changed();
        while pods.changed().await.is_ok() {
            to.send_replace(pods.borrow_and_update().clone());
        }
    }

    async fn dial(&self, _namespace: &str, target: &Target, _node_port: Option<u16>) -> Result<Tunnel, String> {
        self.dialled.lock().unwrap().push(target.pod.clone());
        let behaviour = self.behaviour.lock().unwrap().get(&target.pod).copied();
        match behaviour {
            Some(Pod::Echoes) => {
                let (tunnel, pod) = tunnel(None);
                tokio::spawn(echo(target.pod.clone(), pod));
                Ok(tunnel)
            }
            Some(Pod::Refuses) => Ok(tunnel(Some(End::Refused("connect: connection refused".into()))).0),
            Some(Pod::Breaks) => {
                let (io, mut pod) = duplex(64);
                let end = async move {
                    let _ = pod.read_u8().await;
                    End::Broken("the websocket was cut".into())
                };
                Ok(Tunnel { io: Box::new(io), end: Box::pin(end), halves: false })
            }
            Some(Pod::Silent) => std::future::pending().await,
            Some(Pod::Unreachable) | None => Err(format!("pods \"{}\" not found", target.pod)),
        }
    }

    async fn identity(&self) -> Result<String, String> {
        Ok(self.identity.lock().unwrap().clone())
    }
}

/// A tunnel and its far end; without an `end` it closes in order when either side does.
pub(super) fn tunnel(end: Option<End>) -> (Tunnel, DuplexStream) {
    let (io, pod) = duplex(1024);
    let end = async move {
        match end {
            Some(end) => end,
            None => std::future::pending().await,
        }
    };
    (Tunnel { io: Box::new(io), end: Box::pin(end), halves: false }, pod)
}

async fn echo(name: String, mut pod: DuplexStream) {
    let mut buffer = [0; 256];
    while let Ok(count @ 1..) = pod.read(&mut buffer).await {
        let answer = [name.as_bytes(), b" ", &buffer[..count]].concat();
        if pod.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A route on a port that the kernel chooses.
pub(super) fn route() -> Route {
    let service = ServiceFile { namespace: "task-api".into(), name: "gateway".into(), port: 80, node_port: None };
    Route { name: "http".into(), host: 0, service }
}

pub(super) fn deaf() -> Observer {
    Arc::new(|_| {})
}
