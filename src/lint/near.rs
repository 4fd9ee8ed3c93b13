//! Names that may have been meant.

/// The name that `name` is a slip of: one letter or two wrong, missing, too many or swapped in one place inside a word. Numbers and whole
/// words that differ are other names (`shop-v1`, `shop-v2`; `cart-a`, `cart-b`), not slips.
pub(super) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.filter(|other| is_slip(name.as_bytes(), other.as_bytes())).min_by_key(|other| other.len().abs_diff(name.len()))
}

fn is_slip(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    if a == b || long - short > 2 {
        return false;
    }
    let before = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let after = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count().min(short - before);
    let (left, right) = (&a[before..a.len() - after], &b[before..b.len() - after]);
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    // a difference that begins and ends where words do is another word
    let edge = |text: &[u8], at: usize| at == 0 || at == text.len() || text[at - 1] == b'-' || text[at] == b'-';
    let words = |text: &[u8]| edge(text, before) && edge(text, text.len() - after);
    left.len().max(right.len()) <= 2 && (before + after) * 2 >= long && !(digits(left) && digits(right)) && !(words(a) && words(b))
}

#[cfg(test)]
mod tests {
    use super::near;

    fn of<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
        near(name, known.iter().copied())
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        for slip in ["task-apii", "tsak-api", "task-ap", "task-aapi", "tsk-api", "taskapi", "task-epi"] {
            assert_eq!(of(slip, &["worker", "task-api"]), Some("task-api"), "{slip}");
        }
    }

    #[test]
    fn another_number_or_word_is_another_name() {
        for (name, other) in [
            ("task-api-v2", "task-api-v1"),
            ("cart-a", "cart-b"),
            ("a-tls", "b-tls"),
            ("shop", "shop-api"),
            ("task-api-2", "task-api"),
            ("a", "b"),
        ] {
            assert_eq!(of(name, &[other]), None, "{name}");
        }
    }
}
