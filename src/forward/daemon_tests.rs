use super::*;
use crate::forward::fake::route;

fn spec() -> Spec {
    Spec { kubeconfig: "/nonexistent".into(), context: Some("dev".into()), identity: "uid-1".into(), routes: vec![route()] }
}

#[tokio::test]
async fn where_there_is_no_folder_there_is_no_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert_eq!(status(&absent).await.unwrap(), None);
    assert!(!stop(&absent).await.unwrap());
}

#[tokio::test]
async fn a_daemon_that_dies_at_once_is_reported_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    // a program that cannot make sense of a daemon's arguments
    let failure = start(folder.path(), &spec(), Path::new("/bin/cat")).await.unwrap_err();
    assert_eq!(failure.what, "the forwarder ended before it listened (exit status: 1)");
    assert!(failure.why[0].contains("cat: "), "{:?}", failure.why);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let failure = start(folder.path(), &spec(), Path::new("/nonexistent/tstack")).await.unwrap_err();
    assert_eq!(failure.what, "cannot start the forwarder /nonexistent/tstack");
}

#[test]
fn the_daemons_own_failure_is_passed_on_whole() {
    let folder = tempfile::tempdir().unwrap();
    let own = Failure::preflight("cannot listen on 127.0.0.1:8080").hint("Choose another port.");
    files::write_private(&folder.path().join(FAILURE), &serde_json::to_vec(&own).unwrap()).unwrap();
    assert_eq!(why_it_ended(folder.path(), "it ended", &[]), own);
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_without_answering_is_neither_there_nor_gone() {
    let folder = tempfile::tempdir().unwrap();
    let _wedged = Lock::take(folder.path()).await.unwrap().unwrap();
    let failure = status(folder.path()).await.unwrap_err();
    assert!(failure.what.contains("does not listen on its socket"), "{}", failure.what);
}

#[test]
fn a_spec_survives_a_round_trip() {
    let text = serde_json::to_string(&spec()).unwrap();
    assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec());
}
