//! Light load that goes on while something happens, and the longest time in which nothing was answered.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::Method;
use tokio::sync::{mpsc, oneshot};
use tstack::world::http::{Connection, HttpError, Limits, Target};

use super::client::{runtime, user};

/// Ten a second on new connections, and ten on one that is kept alive.
const LIGHT: Duration = Duration::from_millis(100);

/// Load that goes on until [`Load::end`].
pub(crate) struct Load {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Seen>,
    answered: mpsc::UnboundedReceiver<()>,
    tally: Arc<Mutex<Tally>>,
}

/// What the load saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub answered: usize,
    /// Requests that got no answer or another than 200, with why.
    pub failed: Vec<String>,
    /// The longest time between two good answers.
    pub gap: Duration,
    /// The slowest good answer.
    pub slowest: Duration,
}

#[derive(Default)]
struct Tally {
    seen: Seen,
    last: Option<Instant>,
}

impl Load {
    /// Begins, and returns when the first answers have come.
    pub(crate) fn begin(url: &str) -> Self {
        Self::every(LIGHT, url)
    }

    /// Two requests in each such time: one on a new connection, one on one that is kept alive.
    pub(crate) fn every(time: Duration, url: &str) -> Self {
        let target = Target::from_url(url).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, mut answered) = mpsc::unbounded_channel();
        let tally = Arc::new(Mutex::new(Tally::default()));
        let shared = Arc::clone(&tally);
        let thread = std::thread::spawn(move || runtime().block_on(run(time, target, stopped, shared, tell)));
        runtime().block_on(async { answered.recv().await });
        Self { stop, thread, answered, tally }
    }

    /// What it has seen so far.
    pub(crate) fn so_far(&self) -> Seen {
        self.tally.lock().unwrap().seen.clone()
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn more(&mut self, count: usize) {
        while self.answered.try_recv().is_ok() {}
        runtime().block_on(async {
            for _ in 0..count {
                self.answered.recv().await;
            }
        });
    }

    /// Ends it when all that were sent are answered.
    pub(crate) fn end(self) -> Seen {
        self.stop.send(()).ok();
        self.thread.join().unwrap()
    }
}

async fn run(
    time: Duration,
    target: Target,
    mut stopped: oneshot::Receiver<()>,
    tally: Arc<Mutex<Tally>>,
    tell: mpsc::UnboundedSender<()>,
) -> Seen {
    let mut fresh = tokio::task::JoinSet::new();
    let (ask, asked) = mpsc::unbounded_channel();
    let kept = tokio::spawn(kept_alive(target.clone(), asked, Arc::clone(&tally), tell.clone()));
    let mut ticks = tokio::time::interval(time);
    for number in 0_u64.. {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut stopped => break,
        }
        let (target, tally, tell) = (target.clone(), Arc::clone(&tally), tell.clone());
        fresh.spawn(async move {
            let began = Instant::now();
            let result = once(&target, number).await;
            note(&tally, &tell, began, "new connection", result);
        });
        ask.send(number).ok();
    }
    drop(ask);
    while fresh.join_next().await.is_some() {}
    kept.await.unwrap();
    let mut tally = tally.lock().unwrap();
    std::mem::take(&mut tally.seen)
}

async fn once(target: &Target, number: u64) -> Result<u16, HttpError> {
    let mut connection = Connection::open(target, None, Limits::default()).await?;
    Ok(connection.send(Method::GET, &target.path, &user(&format!("new-{number}"))).await?.status.as_u16())
}

/// One connection as a browser or a pool keeps it: when it was closed, the next request opens another.
async fn kept_alive(target: Target, mut asked: mpsc::UnboundedReceiver<u64>, tally: Arc<Mutex<Tally>>, tell: mpsc::UnboundedSender<()>) {
    let mut open: Option<Connection> = None;
    while let Some(number) = asked.recv().await {
        let began = Instant::now();
        let headers = user(&format!("kept-{number}"));
        let reused = open.is_some();
        let mut result = ask(&mut open, &target, &headers).await;
        // a kept connection that the server closed meanwhile is no lost request: every pool asks once more
        if reused && result.as_ref().is_err_and(|e| e.transient) {
            result = ask(&mut open, &target, &headers).await;
        }
        note(&tally, &tell, began, "kept connection", result);
    }
}

async fn ask(open: &mut Option<Connection>, target: &Target, headers: &http::HeaderMap) -> Result<u16, HttpError> {
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => Connection::open(target, None, Limits::default()).await?,
    };
    let answer = connection.send(Method::GET, &target.path, headers).await?;
    if answer.reusable {
        *open = Some(connection);
    }
    Ok(answer.status.as_u16())
}

fn note(tally: &Mutex<Tally>, tell: &mpsc::UnboundedSender<()>, began: Instant, which: &str, result: Result<u16, HttpError>) {
    let mut tally = tally.lock().unwrap();
    match result {
        Ok(200) => {
            let now = Instant::now();
            let gap = tally.last.replace(now).map_or(Duration::ZERO, |last| now - last);
            tally.seen.gap = tally.seen.gap.max(gap);
            tally.seen.slowest = tally.seen.slowest.max(now - began);
            tally.seen.answered += 1;
            tell.send(()).ok();
        }
        Ok(status) => tally.seen.failed.push(format!("{which}: {status}")),
        Err(error) => tally.seen.failed.push(format!("{which}: {error}")),
    }
}
