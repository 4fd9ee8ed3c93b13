//! What a service needs: seed 002, "Complete Decision Tree".

use super::{Answer, Row, given};
use crate::spec::{ServiceSpec, Signal};

pub(super) const ROWS: &[Row] = &[
    Row {
        question: "Need external access?",
        why: "a Gateway opens the listeners, and HTTPRoutes say which requests lead where",
        instead_of: None,
        kinds: (&["Gateway", "HTTPRoute", "EnvoyProxy"], &["Service"]),
        answer: |spec| match &spec.gateway {
            Some(_) => given(
                Answer::Yes,
                format!("spec.routes: {} of them", spec.routes.len()),
                "a Gateway with its Envoy, and an HTTPRoute for each set of host names",
            ),
            None => given(Answer::No, "spec.routes: []", "no gateway: the Service is reached from within the cluster alone (ClusterIP)"),
        },
    },
    Row {
        question: "Multiple API versions?",
        why: "each version has a Service of its own, so a route or a weight can name it",
        instead_of: None,
        kinds: (&["HTTPRoute", "Service"], &["HTTPRoute"]),
        answer: |spec| {
            let names: Vec<&str> = spec.versions.iter().map(|version| version.name.as_str()).collect();
            let by = format!("spec.versions: {}", names.join(", "));
            match (&spec.split, names.len()) {
                (_, 1) => given(Answer::No, by, "a single backend"),
                (Some(split), _) => {
                    let shared =
                        format!("{} and {} share the requests ({:?})", split.stable, split.candidate, split.strategy).to_lowercase();
                    given(Answer::Yes, by, shared)
                }
                (None, _) => given(Answer::Yes, by, "routes lead to their versions by path"),
            }
        },
    },
    Row {
        question: "Per-user quotas needed?",
        why: "a bucket for each value of the header; whoever sends no header shares one small bucket with all others",
        instead_of: Some(
            "`value: \"*\"` with `invert`: that compares with the one character *, and everybody shares one bucket. A global limit is no \
             substitute for a quota either: it says where is counted, not for whom",
        ),
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| match &spec.rate_limit {
            Some(limit) => given(
                Answer::Yes,
                format!(
                    "spec.rateLimit: {} a {} for each {}, {} for all without it",
                    limit.authenticated,
                    limit.unit.as_str().to_lowercase(),
                    limit.user_header,
                    limit.anonymous
                ),
                "`rateLimit` with a rule of type Distinct for users and an inverted one for everybody else",
            ),
            None => given(Answer::No, "spec.rateLimit: absent", "no limit: one client may take all that the service can do"),
        },
    },
    Row {
        question: "Protect backend from overload?",
        why: "beyond the limit the gateway answers 503 at once, and what is under way can finish",
        instead_of: Some("`maxRequests`: the field is `maxParallelRequests`"),
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| match &spec.circuit_breaker {
            Some(breaker) => given(
                Answer::Yes,
                format!(
                    "spec.circuitBreaker: {} connections, {} requests at once, {} waiting",
                    breaker.max_connections, breaker.max_parallel_requests, breaker.max_pending_requests
                ),
                "`circuitBreaker` in the one policy of the routes",
            ),
            None => given(Answer::No, "spec.circuitBreaker: absent", "left out: Envoy's own limit of 1024 holds"),
        },
    },
    Row {
        question: "TLS required?",
        why: "the listener names the Secret with the certificate in `certificateRefs`; requests go on to the pods in plain HTTP",
        instead_of: None,
        kinds: (&["Gateway", "Certificate"], &["Gateway"]),
        answer: |spec| match &spec.tls {
            Some(tls) => {
                let plain = if tls.redirect { "; plain HTTP answers with the way to HTTPS" } else { "" };
                given(Answer::Yes, format!("spec.tls: Secret {}", tls.secret), format!("an https listener with `certificateRefs`{plain}"))
            }
            None => given(Answer::No, "spec.tls: absent", "a listener for HTTP alone"),
        },
    },
    Row {
        question: "Event-driven workload?",
        why: "KEDA reads the load where it arises (requests, messages, the time of day); the use of processors follows it late",
        instead_of: None,
        kinds: (&["ScaledObject"], &["HorizontalPodAutoscaler"]),
        answer: |spec| match spec.autoscale.as_ref().map(|scale| &scale.signal) {
            Some(Signal::Keda(keda)) => {
                let signals = [("prometheus", keda.prometheus.is_some()), ("kafka", keda.kafka.is_some()), ("cron", keda.cron.is_some())];
                let names: Vec<&str> = signals.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
                given(Answer::Yes, format!("spec.autoscale: {}", names.join(", ")), "KEDA with a trigger for each signal")
            }
            Some(Signal::Cpu(_)) => given(Answer::No, "spec.autoscale: cpu", "a HorizontalPodAutoscaler on the use of processors"),
            None => given(Answer::No, "spec.autoscale: absent", "nothing scales: the number of pods is that of the workload"),
        },
    },
    Row {
        question: "Cost-sensitive?",
        why: "with no pod left a request is answered 503 and starts none, so only what nobody calls over HTTP can be scaled to nothing",
        instead_of: Some("`cooldownPeriod` for slow scaling down: it counts for the last pod alone; above that the HPA's own wait holds"),
        kinds: (&["ScaledObject"], &[]),
        answer: |spec| match &spec.autoscale {
            Some(scale) if scale.min == 0 => given(Answer::Yes, "spec.autoscale.min: 0", "scaled to zero while there is nothing to do"),
            Some(scale) => given(Answer::No, format!("spec.autoscale.min: {}", scale.min), "that many pods always run"),
            None => given(Answer::No, "spec.autoscale: absent", "the pods of the workload always run"),
        },
    },
    Row {
        question: "LLM/AI traffic?",
        why: "limits on tokens and fallbacks between models belong to Envoy AI Gateway, which is installed beside Envoy Gateway",
        instead_of: Some("`AIGatewayRoute` in gateway.envoyproxy.io: it is a kind of the project's own group, aigateway.envoyproxy.io"),
        kinds: (&[], &[]),
        answer: |_: &ServiceSpec| {
            given(Answer::No, "a ServiceSpec describes no models", "requests are limited by number; tstack generates no AI gateway")
        },
    },
];
