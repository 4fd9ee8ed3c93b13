//! Text of other programs made safe, and numbers as people say them.

use std::fmt::Write;
use std::time::Duration;

/// One line that cannot control a terminal, from any text.
///
/// Terminal escape sequences go; line breaks and tabs become spaces; every other control character, and the Unicode
/// characters that reverse the reading order (CVE-2021-42574), are shown as what they are: `\x07`, `\u{202e}`.
#[must_use]
pub fn neutralise(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    // (writing into a String cannot fail)
    // what is left after stripping may join into a new sequence, so each control character that remains is escaped too
    for c in console::strip_ansi_codes(text).chars() {
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            c if c.is_control() => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe.truncate(safe.trim_end().len());
    safe
}

/// A duration for people: `41 ms`, `4.2 s`, `1 m 12 s`, `2 h 5 m`.
#[must_use]
pub fn duration(value: Duration) -> String {
    if value < Duration::from_millis(100) {
        return format!("{} ms", value.as_millis());
    }
    let tenths = (value.as_millis() + 50) / 100;
    if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { whole(value + Duration::from_millis(50)) }
}

/// A duration without fraction, for what is still counting: `31 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`.
pub(super) fn whole(value: Duration) -> String {
    let s = value.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} m {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} m", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// A number of bytes in binary units, as memory and disks are asked for: `512 B`, `1.5 GiB`.
#[must_use]
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value < 1024 {
        return format!("{value} B");
    }
    // tenths in integers: exact, and no rounding up to `1024.0 KiB`
    let mut tenths = u128::from(value) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let unit = UNITS[unit];
    if tenths >= 1000 || tenths % 10 == 0 { format!("{} {unit}", tenths / 10) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

/// `1 step`, `3 steps`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// What `down` says of the snapshots and baked node images that stay.
#[must_use]
pub fn kept((snapshots, baked): (usize, usize)) -> Option<String> {
    let all: Vec<String> = [(snapshots, "snapshot"), (baked, "baked node image")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, noun)| plural(n, noun))
        .collect();
    let verb = if snapshots + baked == 1 { "stays" } else { "stay" };
    (!all.is_empty())
        .then(|| format!("{} {verb} on disk; `tstack snapshot list` shows, `tstack snapshot rm --all` removes.\n", all.join(" and ")))
}

/// Names in a row, the first few of many: `a, b, c and 4 more`.
pub(super) fn names(all: &[&str]) -> String {
    const SHOWN: usize = 5;
    if all.len() <= SHOWN + 1 { all.join(", ") } else { format!("{} and {} more", all[..SHOWN].join(", "), all.len() - SHOWN) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn down_tells_what_stays_on_disk_and_nothing_where_nothing_does() {
        assert_eq!(kept((0, 0)), None);
        assert!(kept((0, 1)).unwrap().starts_with("1 baked node image stays on disk;"));
        assert!(kept((2, 1)).unwrap().starts_with("2 snapshots and 1 baked node image stay on disk;"));
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<_> = [0, 40, 4_230, 59_940, 59_960, 72_000, 7_500_000].map(|ms| duration(Duration::from_millis(ms))).into();
        assert_eq!(said, ["0 ms", "40 ms", "4.2 s", "59.9 s", "1 m 0 s", "1 m 12 s", "2 h 5 m"]);
        assert_eq!(whole(Duration::from_hours(76)), "3 d 4 h");
    }

    #[test]
    fn bytes_read_as_people_say_them() {
        let said: Vec<_> = [0, 1023, 1024, 1536, 1_048_575, 8 << 30, 6_442_450_944 + (1 << 29), u64::MAX].map(bytes).into();
        assert_eq!(said, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1023 KiB", "8 GiB", "6.5 GiB", "16383 PiB"]);
    }

    #[test]
    fn escapes_of_a_log_line_do_not_reach_the_terminal() {
        assert_eq!(neutralise("\u{1b}[31mred\u{1b}[0m\u{7} a\tb\r\n"), "red\\x07 a b");
        assert_eq!(neutralise("\u{1b}]0;owned\u{7}title"), "title");
        assert_eq!(neutralise("\u{1b}[\u{1b}[0m31mx"), neutralise(&neutralise("\u{1b}[\u{1b}[0m31mx")));
        assert_eq!(neutralise("user\u{202e}nimda"), "user\\u{202e}nimda");
    }

    #[test]
    fn a_long_row_of_names_is_cut() {
        assert_eq!(names(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d, e, f");
        assert_eq!(names(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }

    proptest! {
        #[test]
        fn neutral_text_never_holds_a_control_character(text in "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}\\[\\];m]){0,40}") {
            prop_assert!(!neutralise(&text).chars().any(char::is_control));
        }

        #[test]
        fn neutral_text_stays_as_it_is(text in "[ -~]{0,40}") {
            prop_assert_eq!(neutralise(&text), text.trim_end());
        }
    }
}
