//! Where and why a request got no answer.

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the address; nothing was sent.
    Address,
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Sending the request and reading the answer.
    Answer,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "bad address",
            Self::Connect => "cannot connect",
            Self::Handshake => "TLS handshake failed",
            Self::Answer => "no answer",
        })
    }
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {phase}: {cause}")]
pub struct HttpError {
    /// The address as it was asked for.
    pub url: String,
    /// How far it came.
    pub phase: Phase,
    /// What happened, for people.
    pub cause: String,
    /// Whether the same request may pass a moment later: nothing listens yet, or the other side closed the connection.
    pub transient: bool,
}

impl HttpError {
    pub(super) fn new(url: &str, phase: Phase, cause: impl Into<String>) -> Self {
        Self { url: url.to_owned(), phase, cause: cause.into(), transient: false }
    }

    pub(super) fn transient(self) -> Self {
        Self { transient: true, ..self }
    }
}
