//! The small languages within policies: durations, patterns, ranges of addresses.

use std::net::IpAddr;

/// A duration of Gateway API in milliseconds: `30s`, `1m30s`, `500ms`, `0s`.
pub(super) fn millis(text: &str) -> Option<u64> {
    duration(text, &[("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)])
}

/// The sum of numbers with a unit behind each, `1h30m`, in the measure of the units; nothing but these units is read.
pub(super) fn duration(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let (_, factor) = units.iter().find(|(unit, _)| *unit == &rest[digits..digits + letters])?;
        total = total.checked_add(rest[..digits].parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = &rest[digits + letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// What RE2 refuses in a pattern, among what people bring along from other engines; `None` is no promise.
pub(super) fn pattern_fault(pattern: &str) -> Option<&'static str> {
    let mut depth = 0_usize;
    let mut in_class = false;
    let mut fresh = true;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        let mut skip = c.len_utf8();
        let mut begins = false;
        match c {
            '\\' => match next.chars().next() {
                None => return Some("a backslash at its end"),
                Some(d) if d.is_ascii_digit() && d != '0' && !in_class => return Some("a back reference, which RE2 does not know"),
                Some(d) => skip += d.len_utf8(),
            },
            // the first character of a class may be `]`
            '[' if !in_class => {
                in_class = true;
                let head = next.strip_prefix('^').unwrap_or(next);
                skip += (next.len() - head.len()) + usize::from(head.starts_with(']'));
            }
            '[' if next.starts_with(':') => skip += next.find(":]").map_or(0, |end| end + 2),
            ']' => in_class = false,
            _ if in_class => {}
            '(' => {
                if ["?=", "?!", "?<=", "?<!"].iter().any(|look| next.starts_with(look)) {
                    return Some("a group that looks around, which RE2 does not know");
                }
                if next.starts_with("?>") {
                    return Some("an atomic group, which RE2 does not know");
                }
                depth += 1;
                begins = true;
                if next.starts_with('?') {
                    skip += next.find([':', '>', ')']).map_or(0, |end| if next.as_bytes()[end] == b')' { end } else { end + 1 });
                }
            }
            ')' if depth == 0 => return Some("a `)` without a `(`"),
            ')' => depth -= 1,
            '|' => begins = true,
            '*' | '+' | '?' if fresh => return Some("a repetition of nothing"),
            _ => {}
        }
        fresh = begins;
        rest = &rest[skip..];
    }
    if in_class {
        return Some("a `[` without a `]`");
    }
    (depth > 0).then_some("a `(` without a `)`")
}

/// Why a text is no range of addresses such as `10.0.0.0/8`.
pub(super) fn range_fault(range: &str) -> Option<String> {
    let Some((address, bits)) = range.split_once('/') else {
        return Some(format!("`{range}` does not say how many of its bits count"));
    };
    let Ok(address) = address.parse::<IpAddr>() else { return Some(format!("`{address}` is no address")) };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let fits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse::<u32>().is_ok_and(|bits| bits <= most);
    (!fits).then(|| format!("an address of this kind has {most} bits, not `{bits}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_gateway_api_writes_them() {
        assert_eq!(
            ["30s", "1m30s", "500ms", "0s", "1h", "1d", "", "s"].map(millis),
            [Some(30_000), Some(90_000), Some(500), Some(0), Some(3_600_000), None, None, None]
        );
    }

    #[test]
    fn patterns_that_re2_takes_are_no_fault() {
        let good = [
            ".+",
            "^a(b|c)?$",
            "[]a]+",
            "[^]a]",
            "a[[:alpha:]]*",
            r"\(a\)",
            "(?i)abc",
            "(?P<n>x)+",
            "(?:a|b)*",
            r"\d+\.\*",
            "a{2,3}",
            "",
            "x*?",
            "[(]",
            r"[\]]",
        ];
        for pattern in good {
            assert_eq!(pattern_fault(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_of_other_engines_are_found() {
        for pattern in ["(?!a).*", "a(?=b)", "(?<=x)y", r"(a)\1", "(?>a)", "a(b", "a)b", "*", "a|*b", "[a", "\\"] {
            assert!(pattern_fault(pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn ranges_of_addresses_are_checked() {
        for range in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/64", "192.0.2.7/32"] {
            assert_eq!(range_fault(range), None, "{range}");
        }
        assert_eq!(range_fault("10.0.0.0/33").as_deref(), Some("an address of this kind has 32 bits, not `33`"));
        assert_eq!(range_fault("10.0.0.1").as_deref(), Some("`10.0.0.1` does not say how many of its bits count"));
        assert_eq!(range_fault("10.0.0/8").as_deref(), Some("`10.0.0` is no address"));
    }
}
