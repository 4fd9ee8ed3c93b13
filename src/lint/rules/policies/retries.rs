//! What happens when a backend is slow or fails: breakers, retries, health checks.

use super::traffic_policies;
use crate::lint::rules::text::millis;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Seed 001, ALWAYS 3.
pub(super) fn breaker_without_health_check(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(breaker) = policy.at("/spec/circuitBreaker") else { continue };
        if policy.at("/spec/healthCheck/active").or_else(|| policy.at("/spec/healthCheck/passive")).is_none() {
            sink.at(
                &breaker,
                "the breaker counts requests, not failures: without a health check a sick pod keeps its share of them until the breaker turns all away",
                "Add `healthCheck.active`, or `healthCheck.passive` to leave out endpoints that answer 5xx.",
            );
        }
    }
}

/// Over HTTP/1.1 a connection carries one request at a time.
pub(super) fn breaker_never_reached(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let number = |key: &str| policy.number(&format!("/spec/circuitBreaker/{key}"));
        let Some(place) = policy.at("/spec/circuitBreaker/maxParallelRequests") else { continue };
        let (Some(requests), Some(connections)) = (place.number(), number("maxConnections")) else { continue };
        if requests > connections {
            sink.at(
                &place,
                format!("{requests} parallel requests need {requests} connections over HTTP/1.1, and `maxConnections` is {connections}: only HTTP/2 backends reach this number"),
                format!("Write at most {connections}, or raise `maxConnections`."),
            );
        }
    }
}

/// buildRetry: "maxInterval cannot be less than baseInterval", "cannot be set to 0s".
pub(super) fn backoff_refused(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(backoff) = policy.at("/spec/retry/perRetry/backOff") else { continue };
        let interval = |key: &str| backoff.get(key).and_then(|place| Some((millis(place.text()?)?, place)));
        let (base, longest) = (interval("baseInterval"), interval("maxInterval"));
        for (_, place) in [&base, &longest].into_iter().flatten().filter(|(time, _)| *time == 0) {
            sink.at(
                place,
                "a wait of 0 between retries: Envoy Gateway refuses the whole policy, and its routes answer 500",
                "Write at least `1ms`, or leave the field out.",
            );
        }
        if let (Some((base, _)), Some((longest, place))) = (&base, &longest)
            && *longest > 0
            && base > longest
        {
            sink.at(
                place,
                "the longest wait is shorter than the first: Envoy Gateway refuses the whole policy, and its routes answer 500",
                "Write a `maxInterval` of at least `baseInterval`; left out it is ten times as long.",
            );
        }
    }
}

/// `RetryOn`: codes count only with the trigger, and the trigger only with codes. Without triggers the default holds it.
pub(super) fn codes_ignored(set: &Set, sink: &mut Sink) {
    const TRIGGER: &str = "retriable-status-codes";
    for policy in traffic_policies(set) {
        let triggers: Vec<_> = policy.items("/spec/retry/retryOn/triggers").collect();
        let trigger = triggers.iter().find(|trigger| trigger.text() == Some(TRIGGER));
        let has_codes = policy.items("/spec/retry/retryOn/httpStatusCodes").next().is_some();
        match (trigger, policy.at("/spec/retry/retryOn/httpStatusCodes")) {
            (None, Some(codes)) if has_codes && !triggers.is_empty() => sink.at(
                &codes,
                format!("these codes start no retry: `triggers` does not name `{TRIGGER}`"),
                format!("Add `{TRIGGER}` to `triggers`, or leave the codes out."),
            ),
            (Some(trigger), _) if !has_codes => sink.at(
                trigger,
                format!("`{TRIGGER}` starts no retry: `httpStatusCodes` names no code"),
                "Write `httpStatusCodes: [503]` (or what else may be sent again), or leave the trigger out.",
            ),
            _ => {}
        }
    }
}

/// Envoy's request timeout includes all retries.
pub(super) fn outlast_request(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(whole) = policy.text("/spec/timeout/http/requestTimeout").and_then(millis).filter(|whole| *whole > 0) else { continue };
        let Some(place) = policy.at("/spec/retry/perRetry/timeout") else { continue };
        let Some(each) = place.text().and_then(millis).filter(|each| *each > 0) else { continue };
        let retries = policy.number("/spec/retry/numRetries").unwrap_or(2);
        let needed = each.saturating_mul(u64::try_from(retries).unwrap_or(0));
        if retries > 0 && needed > whole {
            let written = |pointer| policy.text(pointer).unwrap_or_default();
            sink.at(
                &place,
                format!(
                    "{retries} retries of {} each do not fit into the request timeout of {}, which counts all of them together",
                    written("/spec/retry/perRetry/timeout"),
                    written("/spec/timeout/http/requestTimeout")
                ),
                "Shorten `perRetry.timeout`, allow fewer retries, or raise `requestTimeout`.",
            );
        }
    }
}

/// Envoy starts the next check when the last one has ended.
pub(super) fn health_check_timeout(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(place) = policy.at("/spec/healthCheck/active/timeout") else { continue };
        let interval = policy.text("/spec/healthCheck/active/interval").unwrap_or("3s");
        if let Some((timeout, every)) = place.text().and_then(millis).zip(millis(interval))
            && timeout >= every
        {
            sink.at(
                &place,
                format!("a check may take as long as the {interval} between two of them, so an endpoint that hangs is found out late"),
                "Write a timeout well below the interval.",
            );
        }
    }
}
