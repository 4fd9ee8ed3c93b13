//! How long a check goes on asking.

use std::time::Duration;

use crate::failure::Failure;
use crate::stack::parse_duration;

/// What the stack file says, or `default` where it says nothing.
pub(super) fn within(text: Option<&str>, default: Duration) -> Result<Duration, Failure> {
    text.map_or(Ok(default), |text| parse_duration(text).map_err(Failure::usage))
}
