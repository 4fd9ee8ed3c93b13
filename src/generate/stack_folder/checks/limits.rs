//! Rate limits and the circuit breaker.

use super::{Asked, Caller, Checks, Plan, asked, request};
use crate::spec::{RateLimit, Unit};

/// The most requests that a check of a limit sends.
const MOST: u32 = 10_000;
/// As many connections as such a check may use: a breaker below that would answer in place of the limiter.
const CONNECTIONS: u32 = 10;
/// The most requests at once that a check of a breaker sends.
const AT_ONCE: u32 = 500;

pub(super) fn add(plan: &Plan<'_>, checks: &mut Checks) {
    let spec = plan.spec;
    let known: Vec<Asked> =
        spec.routes.iter().filter_map(|route| asked(spec, route).ok()).filter(|one| one.forwards && one.status == 200).collect();
    if let Some(limit) = &spec.rate_limit {
        // a route that takes any request in is the one for the limits: with a header of its own it could be the user's
        let target = known.iter().rev().find(|one| !one.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(&limit.user_header)));
        match target {
            Some(one) => rate_limits(plan, limit, one, checks),
            None => checks.leave_out("rate limits: no route is known to answer a GET with 200"),
        }
    }
    if let Some(breaker) = &spec.circuit_breaker {
        let (below, above) =
            (breaker.max_parallel_requests, breaker.max_parallel_requests.saturating_add(breaker.max_pending_requests).saturating_mul(2));
        let slow = known.iter().find_map(|one| Some((one, one.slow.clone()?)));
        match (slow, &plan.caller) {
            (None, _) => checks.leave_out("the circuit breaker: say a path whose answer takes a second, with `check.slow` of a route"),
            (Some(_), _) if above > AT_ONCE => {
                checks.leave_out(format!("the circuit breaker: {above} requests at once would be a load test"));
            }
            (Some((one, slow)), Caller::Anybody) => {
                let mut headers = one.headers.clone();
                headers.extend(plan.unique_user());
                let mut body = request(&plan.main_url(&slow), &headers);
                body.put("below", below);
                body.put("above", above);
                checks.add("circuit breaker", "circuitBreaker", body);
            }
            _ => checks.leave_out("the circuit breaker: without users of their own the requests would meet the rate limit first"),
        }
    }
}

fn rate_limits(plan: &Plan<'_>, limit: &RateLimit, one: &Asked, checks: &mut Checks) {
    if limit.unit != Unit::Minute {
        checks.leave_out(format!("rate limits: a check knows limits a minute, and these are a {}", limit.unit.as_str().to_lowercase()));
        return;
    }
    if plan.spec.circuit_breaker.is_some_and(|breaker| breaker.max_parallel_requests.min(breaker.max_connections) < CONNECTIONS) {
        checks.leave_out("rate limits: the circuit breaker is so low that it would answer in place of the limiter");
        return;
    }
    let url = plan.main_url(&one.path);
    let mut check = |name: String, headers: Vec<(String, String)>, requests: u32, more: u32, shared: bool| {
        let Some(sent) = requests.checked_add(more).filter(|sent| *sent <= MOST) else {
            checks.leave_out(format!("{name}: {requests} requests a minute are more than a check sends"));
            return;
        };
        let mut body = request(&url, &one.headers.iter().cloned().chain(headers).collect::<Vec<_>>());
        body.put("requests", sent);
        body.put("perMinute", requests);
        if shared {
            body.put("shared", true);
        }
        checks.add(name, "rateLimit", body);
    };
    match &plan.caller {
        Caller::Anybody => {
            let user = || (limit.user_header.clone(), "${unique}".to_owned());
            check("user rate limit".into(), vec![user()], limit.authenticated, 10, false);
            for tier in &limit.tiers {
                let headers = vec![user(), (tier.header.clone(), super::super::literal(&tier.value))];
                check(format!("rate limit of {}", tier.value), headers, tier.requests, 10, false);
            }
            check("anonymous rate limit".into(), Vec::new(), limit.anonymous, 5, true);
        }
        Caller::Demo(name, value) => {
            // the gateway puts the client's name into the header; it is one user, of whom other checks have taken already
            check("user rate limit".into(), vec![(name.clone(), value.clone())], limit.authenticated, 10, true);
            checks.leave_out("the limit of clients without a name: every request that passes has one");
        }
        Caller::Refused | Caller::Unknown => checks.leave_out("rate limits: no request passes that could be counted"),
    }
}
