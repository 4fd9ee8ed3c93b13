//! Hostnames of listeners and routes, and what they have in common.

/// Whether a pattern covers a hostname, as Gateway API matches them: `*.example.com` covers `a.example.com` and `a.b.example.com` and
/// `*.a.example.com`, but not `example.com`. A hostname covers itself.
#[must_use]
pub fn covers(pattern: &str, host: &str) -> bool {
    if pattern == host || pattern == "*" {
        return true;
    }
    let Some(suffix) = pattern.strip_prefix('*') else { return false };
    match host.strip_prefix('*') {
        Some(host) => host.strip_suffix(suffix).is_some_and(|rest| rest.starts_with('.')),
        None => host.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()),
    }
}

/// The hostnames that a listener and a route have in common, `*` for any. Empty where they share none: then the route does not
/// attach to the listener.
#[must_use]
pub fn intersection<'a>(listener: Option<&'a str>, route: &[&'a str]) -> Vec<&'a str> {
    let listener = listener.filter(|host| !host.is_empty()).unwrap_or("*");
    if route.is_empty() {
        return vec![listener];
    }
    let common = |host: &'a str| {
        if covers(listener, host) {
            Some(host)
        } else if covers(host, listener) {
            Some(listener)
        } else {
            None
        }
    };
    route.iter().filter_map(|host| common(host)).collect()
}
