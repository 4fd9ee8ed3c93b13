//! What callers may do: `authorization`, `cors`.

use super::security_policies;
use crate::lint::rules::text;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The name leads to nothing, so the rule never matches; all conditions stay good.
pub(super) fn unknown_provider(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set).filter(|policy| policy.at("/spec/mergeType").is_none()) {
        let known: Vec<&str> = policy.items("/spec/jwt/providers").filter_map(|provider| provider.text_of("name")).collect();
        for place in policy.items("/spec/authorization/rules").filter_map(|rule| rule.at("/principal/jwt/provider")) {
            let Some(name) = place.text().filter(|name| !known.contains(name) && !known.is_empty()) else { continue };
            let remedy = crate::input::nearest(name, known.iter().copied()).map_or_else(
                || format!("Write one of the providers of this policy: {}.", known.join(", ")),
                |near| format!("Did you mean `{near}`?"),
            );
            sink.at(&place, format!("this policy has no jwt provider `{name}`, so the rule matches nobody"), remedy);
        }
    }
}

/// buildAuthorization: the default is Deny.
pub(super) fn always_same(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set).filter(|policy| policy.at("/spec/mergeType").is_none()) {
        let Some(place) = policy.at("/spec/authorization") else { continue };
        let written = place.text_of("defaultAction");
        let default = written.unwrap_or("Deny");
        let actions: Vec<_> = policy.items("/spec/authorization/rules").map(|rule| rule.text_of("action")).collect();
        if (actions.is_empty() && written.is_some()) || !actions.iter().all(|action| *action == Some(default)) {
            continue;
        }
        let (message, remedy) = match (default, actions.is_empty()) {
            ("Deny", true) => {
                ("no rule and no `defaultAction`, which is Deny then: nobody gets through", "Write rules with `action: Allow`.")
            }
            ("Deny", false) => (
                "every rule denies, and so does the default where nothing else is written: nobody gets through",
                "Write `defaultAction: Allow` for everybody else, or rules with `action: Allow`.",
            ),
            _ => (
                "every rule allows, and so does `defaultAction`: the rules hold nobody back",
                "Leave out `defaultAction`, which is Deny then.",
            ),
        };
        sink.at(&place, message, remedy);
    }
}

/// Envoy answers with the origin that asks, so the browser lets any site read the answer with the cookies of the user.
pub(super) fn any_origin(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set) {
        let with_cookies = policy.at("/spec/cors/allowCredentials").and_then(|flag| flag.flag()).unwrap_or(false);
        for origin in policy.items("/spec/cors/allowOrigins").filter(|_| with_cookies) {
            if matches!(origin.text(), Some("*" | "http://*" | "https://*")) {
                sink.at(
                    &origin,
                    "any site may read the answers with the cookies of whoever visits it: every origin is allowed, and so are credentials",
                    "Name the origins that may, or leave out `allowCredentials`.",
                );
            }
        }
    }
}

/// buildAuthorization: addresses and patterns that it cannot use.
pub(super) fn refused(set: &Set, sink: &mut Sink) {
    const EFFECT: &str = "Envoy Gateway refuses the whole policy, and its routes answer 500";
    for rule in security_policies(set).flat_map(|policy| policy.items("/spec/authorization/rules")) {
        for range in rule.at("/principal/clientCIDRs").into_iter().flat_map(|list| list.items()) {
            if let Some(why) = range.text().and_then(text::range_fault) {
                sink.at(&range, format!("{why}: {EFFECT}"), "Write an address, a slash and how many of its bits count: `10.0.0.0/8`.");
            }
        }
        let pattern = rule.at("/operation/path").filter(|path| path.text_of("type") == Some("RegularExpression"));
        if let Some(value) = pattern.and_then(|path| path.get("value"))
            && let Some(why) = value.text().and_then(text::pattern_fault)
        {
            sink.at(&value, format!("the pattern has {why}: {EFFECT}"), "Write it in RE2's syntax.");
        }
    }
}

/// validateSecurityPolicyForTCP; it ends before routes are closed, so they stay open.
pub(super) fn on_tcp(set: &Set, sink: &mut Sink) {
    const HTTP_ONLY: [&str; 7] = ["jwt", "oidc", "basicAuth", "apiKeyAuth", "extAuth", "cors", "csrf"];
    for policy in security_policies(set) {
        let mut targets =
            policy.at("/spec/targetRef").into_iter().chain(policy.items("/spec/targetRefs")).chain(policy.items("/spec/targetSelectors"));
        if !targets.any(|target| target.text_of("kind") == Some("TCPRoute")) {
            continue;
        }
        for field in HTTP_ONLY {
            if let Some(place) = policy.at("/spec").and_then(|spec| spec.get(field)) {
                sink.at(
                    &place,
                    format!("a TCPRoute has no requests for `{field}` to look at: Envoy Gateway refuses the policy, and the route is not protected"),
                    "On a TCPRoute use `authorization` with `clientCIDRs` only.",
                );
            }
        }
    }
}
