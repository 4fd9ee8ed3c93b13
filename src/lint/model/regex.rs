//! Regular expressions as Envoy reads them.

/// What RE2, which Envoy uses, refuses in an expression for certain; nothing where the two engines may differ.
#[must_use]
pub fn regex_fault(pattern: &str) -> Option<&'static str> {
    // a bracket inside a class opens a nested one here, but stands for itself in RE2
    if nests(pattern) {
        return None;
    }
    let Err(::regex::Error::Syntax(text)) = ::regex::Regex::new(pattern) else { return None };
    let known = [
        ("look-around", "it looks ahead or behind, `(?=`, `(?!`, `(?<`"),
        ("backreferences", "it refers back to a group, `\\1`"),
        ("unclosed group", "a `(` is not closed"),
        ("unopened group", "a `)` was never opened"),
        ("unclosed character class", "a `[` is not closed"),
        ("repetition operator missing expression", "a `*`, `+` or `?` has nothing to repeat"),
        ("incomplete escape sequence", "it ends with `\\`"),
        ("invalid character class range", "a range in `[..]` runs backwards"),
    ];
    known.into_iter().find(|(sign, _)| text.contains(sign)).map(|(_, fault)| fault)
}

/// Whether a `[` stands inside a character class.
fn nests(pattern: &str) -> bool {
    let (mut inside, mut escaped) = (false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if inside => return true,
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::regex_fault;

    #[test]
    fn what_re2_refuses_is_named_and_what_only_this_engine_refuses_is_not() {
        for bad in ["/(?!x)", "(a", "a)", "*a", r"(a)\1", "a\\", "[a", "[z-a]"] {
            assert!(regex_fault(bad).is_some(), "{bad}");
        }
        for good in ["/api/v[0-9]+/.*", r"\Qa.b\E", "[[]", "(?i)a", "(?P<n>x)", r"\d{1,3}"] {
            assert_eq!(regex_fault(good), None, "{good}");
        }
    }
}
