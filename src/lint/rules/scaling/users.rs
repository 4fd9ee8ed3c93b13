//! A threshold in requests, and a limit of requests for each user.

use super::query::queries;
use super::target::Scaled;
use crate::lint::entry::Entry;
use crate::lint::model::{self, ENVOY_GATEWAY};
use crate::lint::place::Place;
use crate::lint::rules::workloads::pods::Pods;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// One user cannot push what it takes to scale: a test needs several.
pub(super) fn above_limit(set: &Set, sink: &mut Sink) {
    let limits: Vec<(&Entry, f64, Place<'_>)> = set.of(ENVOY_GATEWAY, "BackendTrafficPolicy").filter_map(per_user).collect();
    if limits.is_empty() {
        return;
    }
    let pods = Pods::of(set);
    for asked in queries(set) {
        let counts = asked.query.selectors.iter().any(|selector| selector.metric.contains("request") || selector.metric.contains("_rq"));
        let is_rate = asked.place.text().is_some_and(|text| text.contains("rate("));
        let Some((place, threshold)) = asked.trigger.value("threshold") else { continue };
        let (Ok(threshold), true) = (threshold.parse::<f64>(), counts && is_rate) else { continue };
        let object = asked.place.entry;
        let Some(scaled) = Scaled::of(object) else { continue };
        let covering =
            limits.iter().filter(|(policy, ..)| policy.namespace() == object.namespace() && may_lead_to(set, &pods, policy, &scaled));
        let Some((policy, rate, limit)) = covering.min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        if threshold > *rate {
            let users = (threshold / rate).ceil();
            sink.at(
                &place,
                format!(
                    "{threshold} requests a second scale it up, but {} lets one user send {rate:.2} a second (line {}): one user alone never scales it",
                    policy.id.name,
                    limit.pos().line
                ),
                format!("Test with at least {users} different users, or lower the threshold."),
            );
        }
    }
}

/// What a policy lets one user send in a second: the largest limit with a selector for a header.
fn per_user(policy: &Entry) -> Option<(&Entry, f64, Place<'_>)> {
    let rules = ["local", "global"].into_iter().flat_map(|kind| policy.items(&format!("/spec/rateLimit/{kind}/rules")));
    let of = |rule: Place<'_>| -> Option<f64> {
        let limit = rule.get("limit")?;
        let seconds = match limit.text_of("unit")? {
            "Second" => 1.0,
            "Minute" => 60.0,
            "Hour" => 3600.0,
            "Day" => 86400.0,
            _ => return None,
        };
        let requests: f64 = limit.get("requests")?.number()?.to_string().parse().ok()?;
        Some(requests / seconds)
    };
    let by_header = |rule: &Place<'_>| {
        let headers = rule.get("clientSelectors").into_iter().flat_map(|selectors| selectors.items()).filter_map(|one| one.get("headers"));
        headers.flat_map(|headers| headers.items()).any(|header| header.get("invert").and_then(|invert| invert.flag()) != Some(true))
    };
    let with_rate = rules.filter(by_header).filter_map(|rule| Some((of(rule.clone())?, rule.get("limit")?)));
    with_rate.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(rate, limit)| (policy, rate, limit))
}

/// Whether requests under a policy may end at a target: no, where its routes are here and lead elsewhere.
fn may_lead_to(set: &Set, pods: &Pods<'_>, policy: &Entry, scaled: &Scaled<'_>) -> bool {
    let single = policy.at("/spec/targetRef");
    let targets: Vec<_> = policy
        .items("/spec/targetRefs")
        .chain(single)
        .filter_map(|target| Some((target.text_of("kind")?, target.text_of("name")?)))
        .collect();
    let routes: Vec<_> = targets.iter().filter_map(|(kind, name)| set.get(model::GATEWAY_API, kind, policy.namespace(), name)).collect();
    if routes.len() < targets.len() || routes.is_empty() {
        return true;
    }
    routes.into_iter().any(|route| {
        let backends = route.items("/spec/rules").filter_map(|rule| rule.get("backendRefs")).flat_map(|backends| backends.items());
        backends.filter_map(|backend| backend.text_of("name")).any(|name| match set.get("", "Service", route.namespace(), name) {
            Some(service) => pods.behind(service).iter().any(|workload| workload.entry.id.name == scaled.name),
            None => true,
        })
    })
}
