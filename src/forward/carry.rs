//! Carries the bytes of one client through one tunnel, and says whether another tunnel may be tried.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::tunnel::{End, Tunnel};

/// How much of a client's first words is kept to be said again to another pod.
const HELD: usize = 64 * 1024;
/// One read; a WebSocket frame of the API server carries at most 32 KiB.
const CHUNK: usize = 32 * 1024;
/// How long what is left in a tunnel may take to come out when its end is known.
const DRAIN: Duration = Duration::from_secs(1);
/// How long an orderly close may take; the container runtime itself waits one second.
const CLOSE: Duration = Duration::from_secs(2);
/// A client that closed its sending half still wants the answer to what it asked …
const ANSWER: Duration = Duration::from_mins(1);
/// … but one whose last question was answered has most likely just gone, which TCP does not tell apart.
const LINGER: Duration = Duration::from_millis(500);

/// What a client said before any pod answered. As long as that is known whole, the client can be served by another pod
/// without noticing.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    overflowed: bool,
    /// The client closed its sending half.
    finished: bool,
    /// A pod has answered: from here on only that pod will do.
    answered: bool,
}

impl Held {
    fn keep(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > HELD {
            self.overflowed = true;
            self.bytes = Vec::new();
        } else if !self.overflowed {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Another pod may be tried when the first one surely got nothing: it was never connected, or nothing was said.
    fn may_retry(&self, end: &End) -> bool {
        let silent = self.bytes.is_empty() && !self.finished;
        !self.answered && !self.overflowed && (matches!(end, End::Refused(_)) || matches!(end, End::Broken(_)) && silent)
    }
}

/// How carrying ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// In order; the client's connection is closed.
    Done,
    /// Nothing was lost: try another tunnel with the same client.
    Retry(End),
    /// The client lost its connection in the midst of it, and why.
    Cut(String),
}

/// Who ended it.
enum Side {
    Client,
    Pod,
}

/// Carries until either side ends.
pub(super) async fn carry(client: &mut (impl AsyncRead + AsyncWrite + Unpin), tunnel: Tunnel, held: &mut Held) -> Carried {
    let Tunnel { mut io, mut end, halves } = tunnel;
    let talk = Talk { halves, ..Talk::default() };
    let (side, known) = {
        let (from_client, to_client) = tokio::io::split(&mut *client);
        let (from_pod, to_pod) = tokio::io::split(&mut io);
        let mut up = std::pin::pin!(talk.up(from_client, to_pod, held));
        let mut down = std::pin::pin!(talk.down(from_pod, to_client));
        tokio::select! {
            // the pod's bytes first: they must be seen before an error that came after them
            biased;
            side = &mut down => (side, None),
            () = &mut up => (Side::Client, None),
            end = &mut end => {
                // an error can overtake the last bytes; where nobody was connected there are none
                if talk.answered.load(Relaxed) || !matches!(end, End::Refused(_)) {
                    let _ = timeout(DRAIN, down).await;
                }
                (Side::Pod, Some(end))
            }
        }
    };
    held.answered |= talk.answered.load(Relaxed);
    let satisfied = held.finished && held.answered && !talk.asked.load(Relaxed);
    // kube-rs closes the whole tunnel with our half, so it is closed only here, when nothing more is wanted
    let end = match known {
        Some(end) => end,
        // nobody is left to hear of it
        None if halves && matches!(side, Side::Client) => End::Closed,
        None => timeout(CLOSE, async {
            let _ = io.shutdown().await;
            end.await
        })
        .await
        .unwrap_or(End::Closed),
    };
    match (side, end) {
        (Side::Client, _) => Carried::Done,
        // the client had its answers and asked for nothing more: it cannot miss what broke after that
        (Side::Pod, _) if satisfied => Carried::Done,
        (Side::Pod, End::Closed) => {
            let _ = client.shutdown().await;
            Carried::Done
        }
        (Side::Pod, end) if held.may_retry(&end) => Carried::Retry(end),
        (Side::Pod, End::Refused(why) | End::Broken(why)) => Carried::Cut(why),
    }
}

/// What the two directions of one connection know of each other.
#[derive(Default)]
struct Talk {
    answered: AtomicBool,
    /// The client spoke last, so it waits for an answer.
    asked: AtomicBool,
    heard: Notify,
    /// The pod can be told that the client says no more, and still be heard.
    halves: bool,
}

impl Talk {
    /// From the client to the pod. Returns when the client is gone.
    async fn up(&self, mut client: impl AsyncRead + Unpin, mut pod: impl AsyncWrite + Unpin, held: &mut Held) {
        let again = std::mem::take(&mut held.bytes);
        let mut broken = pod.write_all(&again).await.is_err();
        self.asked.store(!again.is_empty(), Relaxed);
        held.bytes = again;
        let mut buffer = vec![0; CHUNK];
        while !held.finished && !broken {
            let Ok(count) = client.read(&mut buffer).await else { return };
            held.finished = count == 0;
            let bytes = &buffer[..count];
            self.asked.fetch_or(count > 0, Relaxed);
            if !self.answered.load(Relaxed) {
                held.keep(bytes);
            }
            broken = pod.write_all(bytes).await.is_err() || pod.flush().await.is_err();
        }
        if broken {
            // the other direction learns why, and ends this one
            return std::future::pending().await;
        }
        // Envoy takes the end of a client for the end of what it asked: not before the answer
        if self.halves && !self.asked.load(Relaxed) {
            let _ = pod.shutdown().await;
        }
        let patience = || if self.asked.load(Relaxed) { ANSWER } else { LINGER };
        while timeout(patience(), self.heard.notified()).await.is_ok() {}
    }

    /// From the pod to the client.
    async fn down(&self, mut pod: impl AsyncRead + Unpin, mut client: impl AsyncWrite + Unpin) -> Side {
        let mut buffer = vec![0; CHUNK];
        loop {
            let Ok(count @ 1..) = pod.read(&mut buffer).await else { return Side::Pod };
            self.answered.store(true, Relaxed);
            self.asked.store(false, Relaxed);
            self.heard.notify_one();
            if client.write_all(&buffer[..count]).await.is_err() {
                return Side::Client;
            }
        }
    }
}

#[cfg(test)]
#[path = "carry_tests.rs"]
mod tests;
