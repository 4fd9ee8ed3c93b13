//! What a path may be, and which paths are nobody's business.

use super::super::file::PathMatch;

/// Paths that tell how a program is doing: whoever may call them learns of its inside.
pub(super) const INSIDE: [&str; 10] =
    ["/health", "/healthz", "/livez", "/readyz", "/metrics", "/stats", "/admin", "/debug", "/actuator", "/ready"];

/// Says what is wrong with a path, and what to do.
pub(super) fn check(path: &str, path_match: PathMatch) -> Option<(String, String)> {
    if path_match == PathMatch::RegularExpression {
        return check_regex(path).map(|why| (format!("`{path}` is not a regular expression: {why}"), "see the syntax of RE2".into()));
    }
    let bad = path.chars().find(|c| !(c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(*c)));
    if let Some(c) = bad {
        let hint = match c {
            '*' | '{' | '[' | '^' => "a path is not a pattern: `PathPrefix` takes all below it, `RegularExpression` a regular expression",
            '?' => "query parameters are under `query`",
            _ => "write it as % and two hexadecimal digits",
        };
        return Some((format!("`{path}` holds `{c}`, which a path cannot hold"), hint.into()));
    }
    let hex = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if path.split('%').skip(1).any(|rest| !hex(rest)) {
        return Some((format!("`{path}` holds `%` without two hexadecimal digits"), "write `%25` for the character itself".into()));
    }
    let lower = path.to_lowercase();
    let dots = path.split('/').any(|part| part == "." || part == "..");
    if path.contains("//") || dots || lower.contains("%2f") {
        let hint = "leave out `//`, `.`, `..` and `%2F`: the gateway resolves them before it compares";
        return Some((format!("`{path}` would never be matched as it stands"), hint.into()));
    }
    None
}

/// Says what is wrong with a regular expression. Envoy's RE2 knows what this parser knows, but for look-around and back references.
pub(super) fn check_regex(text: &str) -> Option<String> {
    let error = regex::Regex::new(text).err()?.to_string();
    Some(error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
}

/// Whether a request for `path` is on a route with this path.
pub(super) fn covers(route: &str, path_match: PathMatch, path: &str) -> bool {
    match path_match {
        PathMatch::Exact => route == path,
        PathMatch::PathPrefix => {
            let prefix = route.trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        PathMatch::RegularExpression => regex::Regex::new(&format!("^(?:{route})$")).is_ok_and(|r| r.is_match(path)),
    }
}

/// Whether a path is one of the inside, and how sure that is: itself, or only below a wide prefix.
pub(super) fn exposes(route: &str, path_match: PathMatch) -> Option<(&'static str, bool)> {
    let inside = INSIDE.iter().find(|inside| covers(route, path_match, inside))?;
    Some((inside, route.trim_end_matches('/') == *inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_the_gateway_compares() {
        for good in ["/", "/api", "/api/v1/", "/a%20b", "/a(b)", "/~x;y=1"] {
            assert_eq!(check(good, PathMatch::PathPrefix), None, "{good}");
        }
        for (bad, why) in [
            ("/a b", "holds ` `"),
            ("/a/{id}", "holds `{`"),
            ("/a?b=1", "holds `?`"),
            ("/a//b", "would never be matched"),
            ("/a/..", "would never be matched"),
            ("/./a", "would never be matched"),
            ("/a%2fb", "would never be matched"),
            ("/a%2", "without two hexadecimal digits"),
            ("/a#b", "holds `#`"),
        ] {
            assert!(check(bad, PathMatch::Exact).unwrap().0.contains(why), "{bad}");
        }
        assert_eq!(check("/a/[0-9]+", PathMatch::RegularExpression), None);
        assert!(check("/a/[0-9", PathMatch::RegularExpression).unwrap().0.contains("unclosed character class"));
    }

    #[test]
    fn prefixes_are_whole_parts() {
        assert!(covers("/api", PathMatch::PathPrefix, "/api/tasks") && covers("/", PathMatch::PathPrefix, "/x"));
        assert!(!covers("/api", PathMatch::PathPrefix, "/apis") && !covers("/api", PathMatch::Exact, "/api/x"));
        assert_eq!(exposes("/", PathMatch::PathPrefix), Some(("/health", false)));
        assert_eq!(exposes("/metrics", PathMatch::Exact), Some(("/metrics", true)));
        assert_eq!(exposes("/api", PathMatch::PathPrefix), None);
    }
}
