//! The supervisor with the real Envoy Gateway and Envoy, where this machine has them: the only tier that sees whether these two
//! still behave as `src/supervise` takes for granted.
//!
//! Without the programs each test says so on standard error and passes.

#![expect(clippy::unwrap_used, reason = "it is a test")]
#![expect(clippy::disallowed_methods, reason = "it looks for the programs of this machine")]
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

mod everything;
mod running;
mod serves;
mod survives;
