//! Limits, health, retries.

use super::super::file::{ActiveHealthCheck, CircuitBreaker, PassiveHealthCheck, RateLimit, Retry, Scope, Trigger};
use super::super::model::{Action, Gateway, Route};
use super::Context;

impl Context<'_> {
    pub(super) fn rate_limit(&mut self, gateway: Option<&Gateway>) -> Option<RateLimit> {
        let limit = self.file.rate_limit.clone()?;
        if limit.anonymous > limit.authenticated {
            let message =
                format!("clients without a name may make more requests ({}) than a user ({})", limit.anonymous, limit.authenticated);
            self.wrong("/rateLimit/anonymous", message, "make `anonymous` at most as large as `authenticated`");
        }
        for (index, tier) in limit.tiers.iter().enumerate() {
            let pointer = format!("/rateLimit/tiers/{index}");
            if tier.header.eq_ignore_ascii_case(&limit.user_header) {
                let message = format!("`{}` names the user and cannot tell the tier", tier.header);
                self.wrong(&format!("{pointer}/header"), message, "use another header");
            }
            if limit.tiers[..index].iter().any(|other| other.header.eq_ignore_ascii_case(&tier.header) && other.value == tier.value) {
                self.wrong(&format!("{pointer}/value"), format!("the tier `{}` is given twice", tier.value), "leave one out");
            }
            if limit.tiers.iter().any(|other| !other.header.eq_ignore_ascii_case(&tier.header)) && index > 0 {
                let hint = "a user could be of two tiers at once, and the smaller limit would hold: use one header for all tiers";
                self.wrong(&format!("{pointer}/header"), "tiers are told by different headers", hint);
            }
        }
        if self.file.auth.is_none() && !limit.tiers.is_empty() {
            let hint = "set the header from a claim under `auth.jwt.headers`";
            self.warn("/rateLimit/tiers", "without `auth` every client may call itself a member of any tier", hint);
        }
        match (limit.scope, gateway) {
            (Scope::Local, Some(gateway)) if gateway.replicas > 1 => {
                let message = format!(
                    "each of {} Envoys counts for itself: users may make up to {} times as many requests",
                    gateway.replicas, gateway.replicas
                );
                self.warn("/rateLimit", message, "divide the limits, or use `scope: global`, which needs Redis");
            }
            (Scope::Global, _) => {
                let hint = "its `EnvoyGateway` configuration needs `rateLimit.backend.redis`; without it the policy is refused and routes answer 500";
                self.warn("/rateLimit/scope", "a global limit needs an Envoy Gateway that knows a Redis", hint);
            }
            _ => {}
        }
        Some(limit)
    }

    pub(super) fn circuit_breaker(&mut self) -> Option<CircuitBreaker> {
        let breaker = self.file.circuit_breaker?;
        if breaker.max_pending_requests > breaker.max_parallel_requests {
            let message =
                format!("more requests may wait ({}) than be under way ({})", breaker.max_pending_requests, breaker.max_parallel_requests);
            self.wrong("/circuitBreaker/maxPendingRequests", message, "make it at most as large as `maxParallelRequests`");
        }
        if breaker.max_parallel_requests > breaker.max_connections {
            let message = format!(
                "more requests may be under way ({}) than there may be connections ({})",
                breaker.max_parallel_requests, breaker.max_connections
            );
            self.wrong("/circuitBreaker/maxParallelRequests", message, "make it at most as large as `maxConnections`");
        }
        Some(breaker)
    }

    pub(super) fn health_check(&mut self) -> (Option<ActiveHealthCheck>, Option<PassiveHealthCheck>) {
        let Some(file) = &self.file.health_check else {
            // a breaker alone protects a pod that is ill from nothing but too much work
            return (None, self.file.circuit_breaker.is_some().then(PassiveHealthCheck::default));
        };
        let (active, passive) = (file.active.clone(), file.passive.clone());
        if let Some(check) = active.as_ref().filter(|check| check.timeout.length() >= check.interval.length()) {
            let message = format!("an answer may take {}, and the next question comes after {}", check.timeout, check.interval);
            self.wrong("/healthCheck/active", message, "make `interval` longer than `timeout`");
        }
        let passive = if active.is_none() { Some(passive.unwrap_or_default()) } else { passive };
        (active, passive)
    }

    pub(super) fn retry(&mut self, routes: &[Route]) -> Option<Retry> {
        let retry = self.file.retry.clone()?;
        let codes = retry.on.contains(&Trigger::RetriableStatusCodes);
        if codes && retry.status_codes.is_empty() {
            self.wrong("/retry/on", "`retriable-status-codes` needs the key `statusCodes`", "add `statusCodes`");
        } else if !codes && !retry.status_codes.is_empty() {
            let hint = "add `retriable-status-codes` to `on`, with the triggers that are meant beside it";
            self.wrong_key("/retry/statusCodes", "`statusCodes` count for the trigger `retriable-status-codes` alone", hint);
        }
        for (index, trigger) in retry.on.iter().enumerate() {
            if retry.on[..index].contains(trigger) {
                self.wrong(&format!("/retry/on/{index}"), format!("`{}` is given twice", trigger.as_str()), "leave one out");
            }
        }
        if retry.base_interval.length() > retry.max_interval.length() {
            let message = format!("the first wait ({}) is longer than the longest ({})", retry.base_interval, retry.max_interval);
            self.wrong("/retry", message, "make `maxInterval` as long as `baseInterval` or longer");
        }
        let request = &self.file.timeout.request;
        if let Some(per_try) = retry.per_try.as_ref().filter(|per_try| per_try.length() * retry.count > request.length()) {
            let message = format!("{} tries of {per_try} take longer than a request may, {request}", retry.count);
            self.warn("/retry/perTry", message, "make `perTry` or `count` smaller, or `timeout.request` longer");
        }
        let repeats = retry.on.iter().find(|trigger| !trigger.is_unseen());
        let changes = routes.iter().any(|route| {
            matches!(route.action, Action::Forward { .. }) && (route.methods.is_empty() || !route.methods.iter().all(|m| m.is_idempotent()))
        });
        if let Some(trigger) = repeats.filter(|_| changes) {
            let message = format!("after `{}` a pod may have done the work already: a POST would be done twice", trigger.as_str());
            let hint = "leave `on` out for what no pod has seen, or give the routes `methods` that can be repeated";
            self.warn("/retry/on", message, hint);
        }
        Some(retry)
    }
}
