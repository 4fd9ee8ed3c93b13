//! What the engine says when it says no.

use bollard::errors::Error;

use crate::failure::{Failure, chain};

/// Whether the engine answered that the thing does not exist, which is an answer and not an error.
pub(super) const fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// `Ok(None)` for a thing that does not exist; every other error stays one.
pub(super) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(e) if is_not_found(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The engine's own words where it has some, without the client's prefix.
pub(super) fn text_of(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { status_code, message } if message.is_empty() => format!("HTTP status {status_code}"),
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        other => chain(other),
    }
}

/// A failed call. `what` is the sentence: `cannot list containers`.
pub(super) fn failure(what: impl Into<String>, error: &Error) -> Failure {
    let text = text_of(error);
    let failure = Failure::step(what).why(text.clone());
    if text.contains("no space left on device") {
        return failure
            .hint("Free disk space of the engine: `docker system df` shows what uses it, `docker system prune` removes what is unused.");
    }
    match error {
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => failure,
        Error::RequestTimeoutError => failure.hint("The engine hangs; restart it, then run the same command again."),
        _ => failure.hint("Make sure that the container engine still runs (`docker version`), then run the same command again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError { status_code, message: message.into() }
    }

    #[test]
    fn absence_is_an_answer_and_every_other_error_stays_one() {
        assert!(matches!(found::<()>(Err(server(404, "no such container"))), Ok(None)));
        assert!(found::<()>(Err(server(500, "boom"))).is_err());
        assert!(found::<()>(Err(Error::RequestTimeoutError)).is_err());
    }

    #[test]
    fn the_words_of_the_engine_come_without_the_clients_prefix() {
        assert_eq!(failure("cannot start x", &server(409, "in use\n")).why, ["in use"]);
        assert_eq!(failure("cannot start x", &server(500, "")).why, ["HTTP status 500"]);
    }

    #[test]
    fn a_lost_engine_and_a_full_disk_come_with_a_remedy() {
        let lost = failure("x", &Error::IOError { err: std::io::Error::other("broken pipe") });
        assert!(lost.hints[0].contains("docker version"), "{lost:?}");
        let full = failure("x", &server(500, "write /var: no space left on device"));
        assert!(full.hints[0].contains("docker system df"), "{full:?}");
    }
}
