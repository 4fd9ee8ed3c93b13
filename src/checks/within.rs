//! Durations as the stack file writes them.

use std::time::Duration;

use crate::failure::Failure;

/// Reads `30s`, `3m`, `1m30s`; `default` where nothing is written.
pub(super) fn within(text: Option<&str>, default: Duration) -> Result<Duration, Failure> {
    let Some(text) = text else { return Ok(default) };
    let fail = || Failure::usage(format!("`{text}` is not a duration")).hint("Write a number and a unit: 500ms, 30s, 5m or 1h.");
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(fail());
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let number: u32 = number.parse().map_err(|_| fail())?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(fail()),
        };
        total += unit * number;
        rest = after;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [("30s", 30), ("3m", 180), ("1m30s", 90), ("1h", 3600)] {
            assert_eq!(within(Some(text), Duration::ZERO).unwrap(), Duration::from_secs(seconds));
        }
        assert_eq!(within(None, Duration::from_secs(7)).unwrap(), Duration::from_secs(7));
    }

    #[test]
    fn what_is_no_duration_is_named() {
        for text in ["", "30", "s", "30 s", "-1s", "1d"] {
            assert_eq!(within(Some(text), Duration::ZERO).unwrap_err().what, format!("`{text}` is not a duration"));
        }
    }
}
