use super::*;

const DAEMON: Daemon = Daemon { name: "sleeper", spec: "sleeper.json" };

async fn start_as(folder: &Path, program: &str) -> Result<u32, Failure> {
    start(DAEMON, folder, &"a spec", Path::new(program), "It was to sleep.").await
}

#[tokio::test]
async fn a_daemon_that_dies_at_once_is_reported_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    // a program that cannot make sense of a daemon's arguments
    let failure = start_as(folder.path(), "/bin/cat").await.unwrap_err();
    assert_eq!(failure.what, "the sleeper ended before it listened (exit status: 1)");
    assert!(failure.why[0].contains("cat: "), "{:?}", failure.why);
    assert_eq!(failure.why[1], "It was to sleep.");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let failure = start_as(folder.path(), "/nonexistent/tstack").await.unwrap_err();
    assert_eq!(failure.what, "cannot start the sleeper /nonexistent/tstack");
}

#[test]
fn the_daemons_own_failure_is_passed_on_whole() {
    let folder = tempfile::tempdir().unwrap();
    let own = Failure::preflight("cannot listen on 127.0.0.1:8080").hint("Choose another port.");
    files::write_private(&DAEMON.failure(folder.path()), &serde_json::to_vec(&own).unwrap()).unwrap();
    assert_eq!(why_it_ended(DAEMON, folder.path(), "it ended", ""), own);
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_without_answering_is_neither_there_nor_gone() {
    let folder = tempfile::tempdir().unwrap();
    let _wedged = Lock::take(DAEMON, folder.path()).await.unwrap().unwrap();
    let failure = status::<u32>(DAEMON, folder.path()).await.unwrap_err();
    assert!(failure.what.contains("does not listen on its socket"), "{}", failure.what);
}
