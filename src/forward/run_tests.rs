use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::daemon::{Answer, Ask, ask};
use crate::forward::fake::{Fake, Pod, route};

fn spec() -> Spec {
    Spec { kubeconfig: "/nonexistent".into(), context: None, identity: "uid-1".into(), near: false, routes: vec![route()] }
}

fn write(folder: &TempDir, spec: &Spec) {
    crate::world::files::write_private(&folder.path().join("forwarder.json"), &serde_json::to_vec(spec).unwrap()).unwrap();
}

/// A daemon as a task of the test; returns once it listens.
async fn host_in_background(folder: &TempDir) -> (CancellationToken, JoinHandle<Result<(), Failure>>) {
    write(folder, &spec());
    let state = folder.path().to_owned();
    let lock = Lock::take(FORWARDER, &state).await.unwrap().unwrap();
    let stop = CancellationToken::new();
    let token = stop.clone();
    let task = tokio::spawn(async move { host(&state, &spec(), Fake::new(&[("a", Pod::Echoes)]), &lock, &token).await });
    while ask::<Answer<Status>>(FORWARDER, folder.path(), &Ask::Status).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    (stop, task)
}

fn log(folder: &TempDir) -> String {
    fs_err::read_to_string(FORWARDER.log(folder.path())).unwrap()
}

#[tokio::test]
async fn a_running_daemon_is_found_by_status_and_ended_by_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (_, task) = host_in_background(&folder).await;
    let status = crate::forward::status(folder.path()).await.unwrap().unwrap();
    assert_eq!((status.pid, status.routes[0].route.clone()), (std::process::id(), route()));
    assert!(crate::forward::stop(folder.path()).await.unwrap(), "it was there");
    task.await.unwrap().unwrap();
    assert_eq!(crate::forward::status(folder.path()).await.unwrap(), None);
    assert!(!crate::forward::stop(folder.path()).await.unwrap(), "it is there no more");
}

#[tokio::test]
async fn a_daemon_whose_spec_was_taken_away_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (_, task) = host_in_background(&folder).await;
    fs_err::remove_file(folder.path().join("forwarder.json")).unwrap();
    task.await.unwrap().unwrap();
    assert!(log(&folder).contains(" the spec was taken away\n"), "{}", log(&folder));
}

/// Whether the daemon ends within some rounds of looking.
async fn ends(folder: &TempDir, fake: &Fake) -> bool {
    let board = Board::new(Vec::new(), crate::forward::fake::deaf());
    let stop = CancellationToken::new();
    let bound = WANTED * u32::try_from(IDENTITY_EVERY).unwrap() * 2;
    let _ = timeout(bound, stay_while_wanted(folder.path(), &spec(), fake, &stop, &board)).await;
    stop.is_cancelled()
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_wanted_stays() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, &spec());
    assert!(!ends(&folder, &Fake::new(&[])).await);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_whose_spec_was_changed_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, &Spec { routes: Vec::new(), ..spec() });
    assert!(ends(&folder, &Fake::new(&[])).await);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_whose_cluster_was_replaced_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, &spec());
    let fake = Fake::new(&[]);
    *fake.identity.lock().unwrap() = "uid-2".into();
    assert!(ends(&folder, &fake).await);
}

#[tokio::test]
async fn another_cluster_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::take(FORWARDER, folder.path()).await.unwrap().unwrap();
    let other = Spec { identity: "uid-2".into(), ..spec() };
    let failure = host(folder.path(), &other, Fake::new(&[]), &lock, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(failure.what, "another cluster answers where ours was");
    assert_eq!(failure.why, ["The namespace kube-system has the uid uid-1; ours has uid-2."]);
}

#[tokio::test(start_paused = true)]
async fn a_second_daemon_says_that_it_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Lock::take(FORWARDER, folder.path()).await.unwrap().unwrap();
    let failure = run(folder.path()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Held);
    assert_eq!(failure.what, format!("another forwarder serves {}", folder.path().display()));
}
