//! The forwarder's outside: starts it, finds it, ends it.

use std::path::Path;

use super::board::Status;
use super::{FORWARDER, Route, Spec};
use crate::daemon;
use crate::failure::Failure;

/// Starts the forwarder of a state folder and waits until it listens on every port. One that serves the same spec already is
/// left as it is; one that serves another is ended first.
///
/// `program` is tstack itself; it is called as `program forwarder --state FOLDER`.
///
/// # Errors
/// What the forwarder itself met: a busy port, a cluster that does not answer or is another one. Or that it cannot be started.
pub async fn start(state: &Path, spec: &Spec, program: &Path) -> Result<Status, Failure> {
    FORWARDER.socket(state)?;
    if let Some(running) = status(state).await? {
        if daemon::has_spec(FORWARDER, state, spec) {
            return Ok(running);
        }
        stop(state).await?;
    }
    let routes = spec.routes.iter().map(Route::describe).collect::<Vec<_>>().join(", ");
    daemon::start(FORWARDER, state, spec, program, &format!("It was to serve {routes}.")).await
}

/// Makes sure that a forwarder could answer in this state folder.
///
/// # Errors
/// When the folder's path is too long for a socket in it.
pub fn fits(state: &Path) -> Result<(), Failure> {
    FORWARDER.socket(state).map(drop)
}

/// The forwarder of a state folder: `None` when surely none runs.
///
/// # Errors
/// When one runs but does not answer: then nothing is known of it.
pub async fn status(state: &Path) -> Result<Option<Status>, Failure> {
    daemon::status(FORWARDER, state).await
}

/// Ends the forwarder of a state folder and waits until it is gone with its ports. Answers whether there was one.
///
/// # Errors
/// When one runs and does not end.
pub async fn stop(state: &Path) -> Result<bool, Failure> {
    daemon::stop(FORWARDER, state).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::fake::route;

    fn spec() -> Spec {
        Spec { kubeconfig: "/nonexistent".into(), context: Some("dev".into()), identity: "uid-1".into(), near: true, routes: vec![route()] }
    }

    #[tokio::test]
    async fn where_there_is_no_folder_there_is_no_forwarder() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        assert_eq!(status(&absent).await.unwrap(), None);
        assert!(!stop(&absent).await.unwrap());
    }

    #[tokio::test]
    async fn a_forwarder_that_dies_at_once_is_reported_with_its_last_words_and_routes() {
        let folder = tempfile::tempdir().unwrap();
        // a program that cannot make sense of a daemon's arguments
        let failure = start(folder.path(), &spec(), Path::new("/bin/cat")).await.unwrap_err();
        assert_eq!(failure.what, "the forwarder ended before it listened (exit status: 1)");
        assert!(failure.why[0].contains("cat: "), "{:?}", failure.why);
        assert!(failure.why[1].starts_with("It was to serve http (127.0.0.1:"), "{:?}", failure.why);
    }

    #[test]
    fn a_spec_survives_a_round_trip() {
        let text = serde_json::to_string(&spec()).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec());
    }
}
