use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::world::child::Network;

/// A program that is kept, and what is told of it.
struct Kept {
    wish: watch::Sender<Wish>,
    told: UnboundedReceiver<Happened>,
    folder: TempDir,
}

impl Kept {
    async fn next(&mut self) -> Happened {
        self.told.recv().await.unwrap_or(Happened::Gone)
    }

    /// Waits for a word; what was told before it.
    async fn until(&mut self, word: impl Fn(&Happened) -> bool) -> Happened {
        loop {
            let next = self.next().await;
            if word(&next) || next == Happened::Gone {
                return next;
            }
        }
    }
}

/// `tstack child` without the signal: what of it these tests need.
fn stand_in(folder: &Path) -> PathBuf {
    let path = folder.join("tstack");
    fs_err::write(&path, "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n").unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn kept(script: &str, checks: Checks, grace: Duration) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let program = Program {
        tstack: stand_in(folder.path()),
        path: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: Vec::new(),
        folder: folder.path().to_owned(),
        mark: folder.path().to_owned(),
        network: Network::Shared,
    };
    let order = Order { program, log: folder.path().join("log"), checks, grace, tells_lines: true };
    let (wish, wished) = watch::channel(Wish::Run);
    let (to, told) = unbounded_channel();
    tokio::spawn(keep(order, wished, move |happened| drop(to.send(happened))));
    Kept { wish, told, folder }
}

const SOON: Duration = Duration::from_secs(20);

fn line(text: &str) -> Happened {
    Happened::Line(text.to_owned())
}

#[tokio::test]
async fn a_program_that_ends_is_started_again_at_once_with_its_last_words_told() {
    let mut kept = kept("echo here; echo no such file >&2; exit 3", Checks::default(), SOON);
    let Happened::Ended { how, tail, hopeless } = kept.until(|told| matches!(told, Happened::Ended { .. })).await else { panic!() };
    assert_eq!((how.as_str(), tail.join("/").as_str(), hopeless), ("ended with exit code 3", "here/no such file", false));
    assert!(matches!(kept.until(|told| matches!(told, Happened::Started(_))).await, Happened::Started(_)));
    let last = kept.until(|told| matches!(told, Happened::Ended { hopeless: true, .. })).await;
    assert!(matches!(last, Happened::Ended { .. }), "ends again and again are told as such");
    assert!(fs_err::read_to_string(kept.folder.path().join("log")).unwrap().contains("no such file\n"));
}

#[tokio::test]
async fn one_that_shall_end_is_asked_to_and_what_it_started_goes_with_it() {
    let mut kept = kept("sleep 1000 & echo $!; wait", Checks::default(), SOON);
    let Happened::Line(child) = kept.until(|told| matches!(told, Happened::Line(_))).await else { panic!() };
    kept.wish.send_replace(Wish::End(SOON));
    kept.until(|told| *told == Happened::Gone).await;
    // it was killed, and the system ends it when it comes to it
    let stat = || fs_err::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    let (deadline, mut backoff) = (Instant::now() + SOON, Backoff::new());
    while !stat().is_empty() && !stat().contains(") Z ") {
        assert!(backoff.pause_until(deadline).await, "{}", stat());
    }
}

#[tokio::test]
async fn one_that_does_not_hear_is_killed_after_its_grace() {
    let mut kept = kept("trap '' TERM; echo deaf; while :; do sleep 1000; done", Checks::default(), SOON);
    kept.until(|told| *told == line("deaf")).await;
    kept.wish.send_replace(Wish::End(Duration::from_millis(1)));
    assert_eq!(kept.until(|told| *told == Happened::Gone).await, Happened::Gone);
}

#[tokio::test]
async fn a_hurry_ends_one_that_takes_its_time() {
    let mut kept = kept("trap '' TERM; echo deaf; while :; do sleep 1000; done", Checks::default(), SOON);
    kept.until(|told| *told == line("deaf")).await;
    kept.wish.send_replace(Wish::End(Duration::from_hours(1)));
    kept.wish.send_replace(Wish::End(Duration::ZERO));
    assert_eq!(kept.until(|told| *told == Happened::Gone).await, Happened::Gone);
}

#[tokio::test]
async fn one_that_stops_answering_is_started_anew_and_why_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let liveness = Check {
        question: Question::Probe(host::Ask::Tcp, nobody),
        delay: Duration::ZERO,
        period: Duration::from_millis(1),
        timeout: SOON,
        successes: 1,
        failures: 2,
    };
    let checks = Checks { liveness: Some(liveness), ..Checks::default() };
    let mut kept = kept("exec sleep 1000", checks, SOON);
    let Happened::Ended { how, .. } = kept.until(|told| matches!(told, Happened::Ended { .. })).await else { panic!() };
    assert!(how.starts_with("was ended since it did not answer: connect to 127.0.0.1:"), "{how}");
}

#[tokio::test]
async fn readiness_comes_and_goes_with_the_answers() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let readiness = Check {
        question: Question::Probe(host::Ask::Tcp, port),
        delay: Duration::ZERO,
        period: Duration::from_millis(1),
        timeout: SOON,
        successes: 1,
        failures: 1,
    };
    let checks = Checks { readiness: Some(readiness), ..Checks::default() };
    let mut kept = kept("exec sleep 1000", checks, SOON);
    assert_eq!(kept.until(|told| *told == Happened::Ready).await, Happened::Ready);
    drop(server);
    assert!(matches!(kept.until(|told| matches!(told, Happened::Unready(_))).await, Happened::Unready(_)));
}
