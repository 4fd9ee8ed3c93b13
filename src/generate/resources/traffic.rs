//! The one policy for everything between the gateway and the service.

use super::super::document::Document;
use super::{list, map, targets};
use crate::spec::{ActiveHealthCheck, PassiveHealthCheck, RateLimit, Retry, Scope, ServiceSpec, Tier, Timeout};
use crate::yaml::{Item, Map, Tree};

pub(in crate::generate) fn traffic_policy(spec: &ServiceSpec) -> Option<Document> {
    spec.gateway.as_ref()?;
    let mut body = Map::new();
    body.put("targetRefs", targets(spec));
    if let Some(limit) = &spec.rate_limit {
        body.put("rateLimit", rate_limit(limit));
    }
    if let Some(breaker) = &spec.circuit_breaker {
        let limits = map([
            ("maxConnections", breaker.max_connections.into()),
            ("maxParallelRequests", breaker.max_parallel_requests.into()),
            ("maxPendingRequests", breaker.max_pending_requests.into()),
        ]);
        body.put("circuitBreaker", limits)
            .above("what is above is answered 503 at once; each rule of a route and each Envoy counts for itself");
    }
    if let Some(health) = health_check(spec) {
        body.put("healthCheck", health);
    }
    if let Some(retry) = &spec.retry {
        body.put("retry", retries(retry));
    }
    body.put("timeout", timeouts(&spec.timeout));
    let head = "One policy for everything: a second one on the same route would be refused as Conflicted.";
    let kind = ("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy");
    Some(Document::new(spec, "60-traffic-policy.yaml", kind, &spec.object_name("protection"), head).with_spec(body))
}

fn rate_limit(limit: &RateLimit) -> Map {
    let rules = map([("rules", rules(limit).into())]);
    let mut body = Map::new();
    match limit.scope {
        Scope::Local => body.put("local", rules).above("counted in each Envoy; a bucket fills up again bit by bit"),
        Scope::Global => body.put("global", rules).above("counted in Redis for all Envoys; a window begins with the clock's unit"),
    };
    body
}

fn rules(limit: &RateLimit) -> Vec<Item> {
    let header = |kind: &str, name: &str, value: Option<&str>, invert: bool| {
        let mut header = map([("type", kind.into()), ("name", name.into())]);
        header.put_some("value", value);
        header.put_some("invert", invert.then_some(true));
        header
    };
    let user = || header("Distinct", &limit.user_header, None, false);
    let rule = |headers: Vec<Map>, requests: u32| {
        let selector = map([("headers", list(headers).into())]);
        let amount = map([("requests", requests.into()), ("unit", limit.unit.as_str().into())]);
        Item::new(map([("clientSelectors", list([selector]).into()), ("limit", amount.into())]))
    };
    let exact = |tier: &Tier, invert| header("Exact", &tier.header, Some(&tier.value), invert);
    let mut all: Vec<Item> = limit
        .tiers
        .iter()
        .map(|tier| {
            let comment = format!("a bucket for each user of the tier {}", tier.value);
            rule(vec![user(), exact(tier, false)], tier.requests).above(comment)
        })
        .collect();
    let mut others = vec![user()];
    others.extend(limit.tiers.iter().map(|tier| exact(tier, true)));
    let remembers = match limit.scope {
        Scope::Local => " (Envoy Gateway 1.9.1 remembers the last 20 users of a route)",
        Scope::Global => "",
    };
    let but = if limit.tiers.is_empty() { "" } else { "; not for the tiers, since every rule that matches counts" };
    all.push(rule(others, limit.authenticated).above(format!("a bucket for each value of the header{remembers}{but}")));
    let nobody = header("RegularExpression", &limit.user_header, Some(".+"), true);
    let comment = "a bucket for all that have no header or an empty one; `value: \"*\"` would mean the character *";
    all.push(rule(vec![nobody], limit.anonymous).above(comment));
    all
}

fn health_check(spec: &ServiceSpec) -> Option<Map> {
    let mut body = Map::new();
    if let Some(check) = &spec.active_health_check {
        body.put("active", active(check)).above("each Envoy asks each pod");
    }
    if let Some(check) = &spec.passive_health_check {
        body.put("passive", passive(check)).above("a pod whose answers are 5xx is left out for a while");
    }
    (!body.is_empty()).then_some(body)
}

fn active(check: &ActiveHealthCheck) -> Map {
    let http = map([("path", (&check.path).into()), ("expectedStatuses", list([200_u32]).into())]);
    map([
        ("type", "HTTP".into()),
        ("http", http.into()),
        ("interval", check.interval.as_str().into()),
        ("timeout", check.timeout.as_str().into()),
        ("unhealthyThreshold", check.unhealthy_threshold.into()),
        ("healthyThreshold", check.healthy_threshold.into()),
    ])
}

fn passive(check: &PassiveHealthCheck) -> Map {
    let mut body = map([
        ("consecutive5XxErrors", check.consecutive5xx.into()),
        ("interval", check.interval.as_str().into()),
        ("baseEjectionTime", check.base_ejection_time.as_str().into()),
    ]);
    body.put("maxEjectionPercent", check.max_ejection_percent).behind("when all are ill, some still get requests");
    body
}

fn retries(retry: &Retry) -> Map {
    let mut on = Map::new();
    let triggers = on.put("triggers", list(retry.on.iter().map(|trigger| trigger.as_str())));
    if retry.on.iter().all(|trigger| trigger.is_unseen()) {
        triggers.above("only what no pod has seen: nothing is done twice, and a breaker that opens is not hidden behind retries");
    }
    if !retry.status_codes.is_empty() {
        on.put("httpStatusCodes", list(retry.status_codes.iter().copied()));
    }
    let waits = map([("baseInterval", retry.base_interval.as_str().into()), ("maxInterval", retry.max_interval.as_str().into())]);
    let mut each = Map::new();
    each.put_some("timeout", retry.per_try.as_ref().map(crate::spec::Span::as_str));
    each.put("backOff", waits);
    map([("numRetries", retry.count.into()), ("retryOn", on.into()), ("perRetry", Tree::from(each))])
}

fn timeouts(timeout: &Timeout) -> Map {
    let mut http = Map::new();
    http.put("requestTimeout", timeout.request.as_str()).behind("retries included; then 504");
    map([("tcp", map([("connectTimeout", timeout.connect.as_str().into())]).into()), ("http", http.into())])
}
