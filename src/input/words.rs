//! The small languages within files that people write: durations, quantities and names.

use std::time::Duration;

/// Reads a duration as Kubernetes and Go write it, in whole hours, minutes, seconds and milliseconds: `90s`, `5m`, `1h30m`, `500ms`.
///
/// # Errors
/// A sentence that says what a duration looks like, when the text is none, is zero, or is longer than a day.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let fail = || format!("`{text}` is not a duration such as `90s`, `5m` or `1h30m`");
    let (mut rest, mut total, mut last) = (text, 0_u64, 5);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (rank, millis) = match &rest[..letters] {
            "h" => (4, 3_600_000),
            "m" => (3, 60_000),
            "s" => (2, 1000),
            "ms" => (1, 1),
            _ => return Err(fail()),
        };
        if rank >= last {
            return Err(fail());
        }
        last = rank;
        rest = &rest[letters..];
        total = number.checked_mul(millis).and_then(|n| total.checked_add(n)).ok_or_else(fail)?;
    }
    match total {
        0 => Err(fail()),
        1..=86_400_000 => Ok(Duration::from_millis(total)),
        _ => Err(format!("`{text}` is longer than a day")),
    }
}

/// Reads an amount of bytes as Kubernetes writes it: `4Gi`, `500Mi`, `1.5Gi`, `2G`, `1048576`.
pub fn quantity(text: &str) -> Result<u64, String> {
    let fail = || format!("`{text}` is not an amount such as `4Gi` or `500Mi`");
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return Err(fail()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().map_err(|_| fail())?;
    // three digits are enough for any amount that a person writes; no float, so that the result is exact
    let thousandths: u64 =
        if (1..=3).contains(&part.len()) { format!("{part:0<3}").parse().map_err(|_| fail())? } else { return Err(fail()) };
    let exact = whole.checked_mul(factor).and_then(|w| w.checked_add(thousandths.checked_mul(factor)? / 1000));
    exact.ok_or_else(fail)
}

/// Whether a text is a DNS label of at most `max` characters: lower case letters, digits and inner `-`.
#[must_use]
pub fn is_label(text: &str, max: usize) -> bool {
    let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    inner && !text.is_empty() && text.len() <= max && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, millis) in [("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("1m0s500ms", 60_500), ("24h", 86_400_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "5", "m", "5 m", "0s", "5d", "1s1m", "1m1m", "-5s", "1.5h", "99999999999999999999s", "é"] {
            assert!(parse_duration(bad).unwrap_err().contains("is not a duration such as `90s`"), "{bad}");
        }
        assert_eq!(parse_duration("25h").unwrap_err(), "`25h` is longer than a day");
    }

    #[test]
    fn quantities_are_exact() {
        for (text, bytes) in
            [("4Gi", 4 << 30), ("500Mi", 500 << 20), ("1.5Gi", 3 << 29), ("2G", 2_000_000_000), ("12", 12), ("0.25Ki", 256)]
        {
            assert_eq!(quantity(text), Ok(bytes));
        }
        for bad in ["", "Gi", "4gb", "-1Gi", "1.Gi", "1.2345Gi", "4 Gi", "99999999999Ti", "1..2"] {
            assert!(quantity(bad).unwrap_err().contains("is not an amount such as"), "{bad}");
        }
    }

    #[test]
    fn labels_are_what_dns_takes() {
        assert!(is_label("a-1", 3) && !is_label("a-", 3) && !is_label("A", 3) && !is_label("abcd", 3) && !is_label("", 3));
    }
}
