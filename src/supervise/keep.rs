//! Keeps one program running: starts it, asks whether it is well, starts it again when it ended, ends it when that is wished.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::ask::{Question, ask};
use super::log::Log;
use super::restarts::Restarts;
use crate::host;
use crate::world::backoff::{Backoff, pause};
use crate::world::child::{Child, Program, told};

/// How long the last words of an ended program may take to come out of its pipe, which a child of it may hold open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What is to be kept running.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub program: Program,
    pub log: PathBuf,
    pub checks: Checks,
    /// How long its end may take.
    pub grace: Duration,
    /// Whether each line that it writes is told.
    pub tells_lines: bool,
}

/// When it is well.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    pub startup: Option<Check>,
    pub readiness: Option<Check>,
    pub liveness: Option<Check>,
    /// That it is well is seen by somebody else.
    pub is_told: bool,
}

/// One way to ask.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub question: Question,
    pub delay: Duration,
    pub period: Duration,
    pub timeout: Duration,
    pub successes: u32,
    pub failures: u32,
}

impl From<&host::Probe> for Check {
    fn from(probe: &host::Probe) -> Self {
        Self {
            question: Question::Probe(probe.ask.clone(), probe.port),
            delay: probe.delay,
            period: probe.period,
            timeout: probe.timeout,
            successes: probe.successes,
            failures: probe.failures,
        }
    }
}

/// What is wished of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// That it runs.
    Run,
    /// That it ends, within this time.
    End(Duration),
    /// That it is started anew.
    Restart(u32),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// It runs, with this process id.
    Started(u32),
    /// It is well.
    Ready,
    /// It is not well, and why.
    Unready(String),
    /// It ended and will be started again: how it ended, its last lines, and whether that happens again and again.
    Ended { how: String, tail: Vec<String>, hopeless: bool },
    /// It wrote a line.
    Line(String),
    /// It ended as it was wished.
    Gone,
}

/// Keeps it running until its end is wished.
pub(super) async fn keep(order: Order, mut wish: watch::Receiver<Wish>, tell: impl Fn(Happened) + Clone + Send + 'static) {
    let log = Arc::new(Mutex::new(Log::open(&order.log)));
    let mut restarts = Restarts::default();
    while matches!(*wish.borrow_and_update(), Wish::Run | Wish::Restart(_)) {
        let began = Instant::now();
        let how = match order.program.start().await {
            Ok((child, output)) => {
                let Some(how) = run(&order, child, output, &mut wish, &tell, &log).await else { break };
                how
            }
            Err(e) => format!("cannot be started: {e}"),
        };
        let pause_for = restarts.ended(began.elapsed());
        let tail = log.lock().unwrap_or_else(PoisonError::into_inner).tail();
        tell(Happened::Ended { how, tail, hopeless: restarts.is_hopeless() });
        tokio::select! {
            () = pause(pause_for) => {}
            _ = wish.changed() => {}
        }
    }
    tell(Happened::Gone);
}

/// One run of it; how it ended, or `None` where that was wished.
async fn run(
    order: &Order,
    mut child: Child,
    output: Receiver,
    wish: &mut watch::Receiver<Wish>,
    tell: &(impl Fn(Happened) + Clone + Send + 'static),
    log: &Arc<Mutex<Log>>,
) -> Option<String> {
    tell(Happened::Started(child.pid()));
    let lines = order.tells_lines.then(|| tell.clone());
    let mut words = AbortOnDropHandle::new(tokio::spawn(listen(output, log.clone(), lines)));
    let how = {
        let mut unwell = std::pin::pin!(check(&order.checks, tell));
        tokio::select! {
            status = child.wait() => Some(how(status)),
            why = &mut unwell => {
                end(&mut child, order.grace, wish).await;
                Some(format!("was ended since it did not answer: {why}"))
            }
            _ = wish.changed() => None,
        }
    };
    let wished = *wish.borrow();
    let how = match (how, wished) {
        (Some(how), _) => Some(how),
        (None, Wish::Restart(_) | Wish::Run) => {
            end(&mut child, order.grace, wish).await;
            Some("was ended to be started anew".to_owned())
        }
        (None, Wish::End(within)) => {
            end(&mut child, within, wish).await;
            None
        }
    };
    // what it started must not outlive it
    child.kill();
    let _ = timeout(LAST_WORDS, &mut words).await;
    how
}

/// Ends it: asks, and kills when its time is over. A new wish for its end shortens that.
async fn end(child: &mut Child, grace: Duration, wish: &mut watch::Receiver<Wish>) {
    child.terminate();
    let mut until = Instant::now() + grace;
    while !ends_within(child, until.saturating_duration_since(Instant::now()), wish).await {
        if let Wish::End(within) = *wish.borrow_and_update() {
            until = until.min(Instant::now() + within);
        }
        if Instant::now() >= until {
            child.kill();
            let _ = child.wait().await;
            return;
        }
    }
}

async fn ends_within(child: &mut Child, limit: Duration, wish: &mut watch::Receiver<Wish>) -> bool {
    tokio::select! {
        _ = child.wait() => true,
        () = pause(limit) => false,
        _ = wish.changed() => false,
    }
}

fn how(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|e| format!("was lost sight of: {e}"), told)
}

/// Takes what it writes.
async fn listen(mut output: Receiver, log: Arc<Mutex<Log>>, tell: Option<impl Fn(Happened)>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        let lines = log.lock().unwrap_or_else(PoisonError::into_inner).write(&buffer[..count]);
        if let Some(tell) = &tell {
            for line in lines {
                tell(Happened::Line(line));
            }
        }
    }
}

/// Tells how it is; returns when it has to be started anew, and why.
async fn check(checks: &Checks, tell: &impl Fn(Happened)) -> String {
    if let Some(startup) = &checks.startup
        && let Err(why) = until_well(startup).await
    {
        return why;
    }
    let ready = async {
        match &checks.readiness {
            Some(readiness) => watch_readiness(readiness, tell).await,
            None if checks.is_told => {}
            None => tell(Happened::Ready),
        }
        std::future::pending::<String>().await
    };
    let alive = async {
        match &checks.liveness {
            Some(liveness) => until_unwell(liveness).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = ready => why,
        why = alive => why,
    }
}

/// Waits for the first success; why it failed so often.
async fn until_well(check: &Check) -> Result<(), String> {
    pause(check.delay).await;
    let (began, mut backoff, limit) = (Instant::now(), Backoff::new(), check.period * check.failures.max(1));
    loop {
        let Err(why) = ask(&check.question, check.timeout).await else { return Ok(()) };
        if began.elapsed() >= limit {
            return Err(why);
        }
        pause(backoff.step().min(check.period)).await;
    }
}

async fn until_unwell(check: &Check) -> String {
    pause(check.delay).await;
    let mut failures = 0;
    loop {
        match ask(&check.question, check.timeout).await {
            Ok(()) => failures = 0,
            Err(why) => {
                failures += 1;
                if failures >= check.failures.max(1) {
                    return why;
                }
            }
        }
        pause(check.period).await;
    }
}

/// Asks at the period; until it is well more often, so that nobody waits for the period's end.
async fn watch_readiness(check: &Check, tell: &impl Fn(Happened)) {
    pause(check.delay).await;
    let (mut ready, mut told, mut row) = (false, String::new(), 0_u32);
    let mut backoff = Backoff::new();
    loop {
        let asked = ask(&check.question, check.timeout).await;
        // a row of answers that speak against what is known
        row = if asked.is_ok() == ready { 0 } else { row + 1 };
        match asked {
            Ok(()) if !ready && row >= check.successes.max(1) => {
                (ready, row) = (true, 0);
                told.clear();
                tell(Happened::Ready);
            }
            Err(why) if ready && row >= check.failures.max(1) => {
                (ready, row, backoff) = (false, 0, Backoff::new());
                tell(Happened::Unready(why));
            }
            Err(why) if !ready && told != why => {
                told.clone_from(&why);
                tell(Happened::Unready(why));
            }
            _ => {}
        }
        pause(if ready { check.period } else { backoff.step().min(check.period) }).await;
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
