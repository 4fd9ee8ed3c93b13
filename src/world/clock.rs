//! The time of day.
#![expect(clippy::disallowed_methods, reason = "the room that owns the clock")]

/// Now.
#[must_use]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
