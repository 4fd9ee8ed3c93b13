//! The formats of values that the API server checks.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pattern::compiled;
use super::words;
use crate::yaml::{Data, Node};

/// Every format that the schemas have; a test holds them against this list.
#[cfg(test)]
pub(super) const KNOWN: &[&str] = &["int32", "int64", "byte", "date-time", "ipv4", "ipv6", "quantity", "double"];

/// What the format asks for, where the value is not so.
pub(super) fn broken(format: &str, node: &Node) -> Option<&'static str> {
    let (fine, wanted) = match (format, &node.data) {
        ("int32", Data::Number(n)) => {
            (n.as_f64().is_some_and(|n| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&n)), "-2147483648 to 2147483647")
        }
        // a number above is no whole number of 64 bits any more
        ("int64", Data::Number(n)) => (!n.is_u64() || n.as_i64().is_some(), "at most 9223372036854775807"),
        ("byte", Data::Text(t)) => (STANDARD.decode(t.replace(['\n', '\r'], "")).is_ok(), "in base64"),
        ("date-time", Data::Text(t)) => (is_time(t), "a time such as `2026-01-31T12:00:00Z`"),
        ("ipv4", Data::Text(t)) => (t.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
        ("ipv6", Data::Text(t)) => (t.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
        ("quantity", Data::Text(t)) => (is_quantity(t), words::QUANTITY),
        _ => (true, ""),
    };
    (!fine).then_some(wanted)
}

/// RFC 3339, as Kubernetes reads it.
fn is_time(text: &str) -> bool {
    let form = compiled(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$");
    form.is_none_or(|form| form.is_match(text)) && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_quantity(text: &str) -> bool {
    let form = compiled(r"^[+-]?(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$");
    form.is_none_or(|form| form.is_match(text))
}

/// An amount as a number, to compare it with another.
pub(super) fn amount(node: &Node) -> Option<f64> {
    let text = match &node.data {
        Data::Number(number) => return number.as_f64(),
        Data::Text(text) if is_quantity(text) => text,
        _ => return None,
    };
    let factors = [
        ("Ki", 1024.0),
        ("Mi", 1024.0_f64.powi(2)),
        ("Gi", 1024.0_f64.powi(3)),
        ("Ti", 1024.0_f64.powi(4)),
        ("Pi", 1024.0_f64.powi(5)),
        ("Ei", 1024.0_f64.powi(6)),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let unit = factors.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.unwrap_or((text, &1.0));
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Pos;

    fn fine(format: &str, data: Data) -> bool {
        broken(format, &Node::new(Pos::default(), data)).is_none()
    }

    #[test]
    fn amounts_compare_over_their_units() {
        let amount = |text: &str| amount(&Node::new(Pos::default(), Data::Text(text.to_owned()))).unwrap();
        assert!(amount("500m") < amount("2") && amount("1Gi") > amount("1G") && amount("1e3") > amount("999"));
    }

    #[test]
    fn formats_take_what_the_api_server_takes() {
        let text = |t: &str| Data::Text(t.to_owned());
        for (format, good, bad) in [
            ("byte", "aGFsbG8=", "hallo!"),
            ("date-time", "2026-01-31T12:00:00Z", "2026-01-31"),
            ("date-time", "2026-01-31T12:00:00.5+02:00", "2026-13-31T12:00:00Z"),
            ("ipv4", "10.0.0.1", "10.0.0.300"),
            ("ipv6", "::1", "1"),
            ("quantity", "1.5Gi", "1.5gb"),
            ("quantity", "100m", "100 m"),
            ("quantity", "1e3", "e3"),
        ] {
            assert!(fine(format, text(good)) && !fine(format, text(bad)), "{format} {good} {bad}");
        }
        assert!(fine("int32", Data::Number(5.into())) && !fine("int32", Data::Number(3_000_000_000_u64.into())));
        assert!(!fine("int64", Data::Number(u64::MAX.into())));
    }
}
