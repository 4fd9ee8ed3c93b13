use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;

const DAEMON: Daemon = Daemon { name: "forwarder", spec: "forwarder.json" };

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Status {
    pid: u32,
}

fn sample() -> Status {
    Status { pid: 42 }
}

async fn asked(folder: &TempDir, question: Ask) -> Option<Answer<Status>> {
    ask(DAEMON, folder.path(), &question).await.unwrap()
}

/// Answers in the background until the token is cancelled.
async fn daemon(folder: &TempDir) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let lock = Lock::take(DAEMON, folder.path()).await.unwrap().unwrap();
    let door = Door::open(DAEMON, folder.path(), &lock).unwrap();
    let stop = CancellationToken::new();
    let token = stop.clone();
    let task = tokio::spawn(async move {
        door.answer(sample, &token).await;
        drop((door, lock));
    });
    (stop, task)
}

async fn raw(folder: &TempDir, line: &str) -> String {
    let mut stream = UnixStream::connect(folder.path().join("forwarder.sock")).await.unwrap();
    stream.write_all(line.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn status_is_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon(&folder).await;
    let answer = raw(&folder, "{\"ask\":\"status\"}\n").await;
    assert_eq!(answer, "{\"answer\":\"status\",\"pid\":42}\n");
    assert_eq!(asked(&folder, Ask::Status).await, Some(Answer::Status(sample())));
}

#[tokio::test]
async fn a_stop_is_answered_before_the_end_and_leaves_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let (_, task) = daemon(&folder).await;
    assert_eq!(asked(&folder, Ask::Stop).await, Some(Answer::Ok));
    task.await.unwrap();
    assert!(!folder.path().join("forwarder.sock").exists());
    assert_eq!(asked(&folder, Ask::Status).await, None);
}

#[tokio::test]
async fn garbage_is_answered_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon(&folder).await;
    for garbage in ["\n", "stop\n", "{\"ask\":\"dance\"}\n", "{\"ask\":\"stop\"\n"] {
        let answer = raw(&folder, garbage).await;
        assert!(answer.starts_with("{\"answer\":\"error\",\"message\":\"this forwarder knows no such question: "), "{answer}");
    }
    assert!(asked(&folder, Ask::Status).await.is_some());
}

#[tokio::test]
async fn a_caller_that_says_nothing_does_not_keep_others_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon(&folder).await;
    let _mute = UnixStream::connect(folder.path().join("forwarder.sock")).await.unwrap();
    assert!(asked(&folder, Ask::Status).await.is_some());
}

#[tokio::test]
async fn a_dead_daemons_socket_counts_as_no_daemon_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    // the listener goes, its file stays: what kill -9 leaves
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("forwarder.sock")).unwrap());
    assert_eq!(asked(&folder, Ask::Status).await, None);
    let _daemon = daemon(&folder).await;
    assert!(asked(&folder, Ask::Status).await.is_some());
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon(&folder).await;
    let mode = fs_err::metadata(folder.path().join("forwarder.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn a_second_daemon_gets_no_lock_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!Lock::is_held(DAEMON, folder.path()).unwrap());
    let first = Lock::take(DAEMON, folder.path()).await.unwrap();
    assert!(first.is_some() && Lock::is_held(DAEMON, folder.path()).unwrap());
    assert!(Lock::take(DAEMON, folder.path()).await.unwrap().is_none());
    drop(first);
    assert!(Lock::take(DAEMON, folder.path()).await.unwrap().is_some());
}

#[test]
fn a_path_that_no_socket_can_have_is_said_so() {
    let failure = DAEMON.socket(&Path::new("/tmp").join("x".repeat(100))).unwrap_err();
    assert!(failure.what.starts_with("the path of the forwarder's socket is too long: /tmp/xxx"), "{}", failure.what);
    assert_eq!(failure.why, ["It has 120 bytes; a Unix socket's path may have 103."]);
}
