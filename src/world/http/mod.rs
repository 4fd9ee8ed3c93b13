//! One HTTP connection at a time, fully under control.
//!
//! A pooling client hides what the checks are about: how many connections there are, which of them is kept alive, and in
//! which phase a request failed. Only loopback addresses are connected to; names are never resolved.

mod connection;
mod error;
mod target;
mod tls;

pub use connection::{Answer, Connection, Limits};
pub use error::{HttpError, Phase};
pub use target::Target;
pub use tls::{Certificate, Tls};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
