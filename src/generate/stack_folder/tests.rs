use proptest::prelude::*;

use super::*;
use crate::generate::{template, templates};
use crate::spec::{arbitrary, read};
use crate::stack::{CheckKind, ComponentKind, Overrides, Stack, resolve};

fn spec(text: &str) -> ServiceSpec {
    read("service.yaml", text.as_bytes(), &[]).unwrap_or_else(|findings| panic!("{findings}\n{text}")).0
}

fn short(text: &str) -> ServiceSpec {
    spec(&format!("apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {{name: api}}\nspec: {{{text}}}\n"))
}

fn overrides() -> Overrides {
    Overrides { architecture: "amd64".into(), ..Overrides::default() }
}

fn stack(spec: &ServiceSpec) -> Stack {
    let folder = stack_folder(spec);
    resolve(&folder, &overrides()).unwrap_or_else(|findings| {
        let texts: Vec<String> = folder
            .files
            .iter()
            .filter(|(path, _)| !path.starts_with("bin/"))
            .map(|(path, b)| format!("== {path}\n{}", String::from_utf8_lossy(b)))
            .collect();
        panic!("{findings}\n{}", texts.join("\n"))
    })
}

fn stack_text(spec: &ServiceSpec) -> String {
    String::from_utf8(stack_folder(spec).files["stack.yaml"].clone()).unwrap()
}

fn checks(stack: &Stack) -> Vec<String> {
    stack.checks.iter().map(|check| check.name.clone()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "all of the checks at once show what is derived from what")]
fn the_whole_template_is_the_shipped_platform_with_checks_for_all_that_it_says() {
    let spec = spec(template("production-stack").unwrap());
    let text = stack_text(&spec);
    insta::assert_snapshot!(&text[text.find("\nchecks:").unwrap() + 1..], @r#"
    checks:
      - name: /api/v1 over http
        http:
          url: "http://localhost:${httpPort}/api/v1"
          headers:
            x-user-id: "${unique}"
          json:
            /version: v1
      - name: /api/v2 over http
        http:
          url: "http://localhost:${httpPort}/api/v2"
          headers:
            x-user-id: "${unique}"
          json:
            /version: v2
      - name: /api/tasks over http
        http:
          url: "http://localhost:${httpPort}/api/tasks"
          headers:
            x-user-id: "${unique}"
      - name: /api/v1 over https
        http:
          url: "https://localhost:${httpsPort}/api/v1"
          headers:
            x-user-id: "${unique}"
          json:
            /version: v1
      - name: certificate names
        tls:
          address: "localhost:${httpsPort}"
          names:
            - localhost
            - "127.0.0.1"
            - "::1"
      - name: gateway programmed
        condition:
          apiVersion: gateway.networking.k8s.io/v1
          kind: Gateway
          namespace: task-api
          name: task-api-gateway
          type: Programmed
      - name: user rate limit
        rateLimit:
          url: "http://localhost:${httpPort}/api/tasks"
          headers:
            x-user-id: "${unique}"
          requests: 110
          perMinute: 100
      - name: anonymous rate limit
        rateLimit:
          url: "http://localhost:${httpPort}/api/tasks"
          requests: 15
          perMinute: 10
          shared: true
      - name: circuit breaker
        circuitBreaker:
          url: "http://localhost:${httpPort}/api/tasks?delay_ms=1000"
          headers:
            x-user-id: "${unique}"
          below: 25
          above: 60
      - name: scaler ready
        condition:
          apiVersion: keda.sh/v1alpha1
          kind: ScaledObject
          namespace: task-api
          name: task-api-scaler
          type: Ready
          fields:
            /spec/minReplicaCount: 2
            /spec/maxReplicaCount: 10
      - name: "scaler's query has a value"
        promql:
          service:
            namespace: monitoring
            name: prometheus
            port: 9090
          # a query whose labels match nothing would never scale, and never say so
          query: 'sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=~"httproute/task-api/task-api-route/rule/(0|2)"}[1m]))'
          min: 0
          within: 90s
      - name: pods follow the load
        deep: true
        autoscale:
          url: "http://localhost:${httpPort}/api/v1"
          headers:
            x-user-id: "${user}"
          users: 236
          requestsPerSecond: 180 # a fifth more than the fewest pods and one more bear
          namespace: task-api
          deployment: task-api
          within: 3m
    # not checked: retries, which need a pod that fails
    # not checked: health checks, which need a pod that fails
    # not checked: what is taken from clients: timeouts and versions of TLS
    # not checked: disruption budgets, which need a node that is emptied
    "#);
    let stack = stack(&spec);
    let shipped = resolve(&crate::stack::shipped_folder("task-api").unwrap(), &overrides()).unwrap();
    for name in ["envoy-gateway", "cert-manager", "keda", "prometheus", "task-api-image"] {
        let of = |stack: &Stack| stack.components.iter().find(|component| component.name == name).cloned();
        assert_eq!(of(&stack), of(&shipped), "{name} is not as the shipped stack has it");
    }
    assert_eq!(stack.cluster, shipped.cluster);
}

#[test]
fn each_template_makes_a_stack_with_its_own_program() {
    for t in templates() {
        let folder = stack_folder(&spec(template(t.name).unwrap()));
        assert!(folder.files.contains_key("bin/linux-amd64/task-api"), "{}", t.name);
        let stack = resolve(&folder, &overrides()).unwrap();
        assert!(stack.components.iter().any(|c| matches!(c.kind, ComponentKind::Image(_))), "{}", t.name);
        assert!(!folder.files.values().any(Vec::is_empty));
    }
}

#[test]
fn a_limit_becomes_a_check_for_exactly_that() {
    let spec = short(
        "workload: {image: 'x:1'}, routes: [{path: /a}], rateLimit: {authenticated: 30, anonymous: 7, tiers: [{value: gold, requests: 90}]}",
    );
    let stack = stack(&spec);
    let seen: Vec<(String, u32, u32, bool)> = stack
        .checks
        .iter()
        .filter_map(|check| match &check.kind {
            CheckKind::RateLimit(c) => Some((check.name.clone(), c.requests, c.per_minute, c.shared)),
            _ => None,
        })
        .collect();
    let row = |name: &str, requests, per_minute, shared| (name.to_owned(), requests, per_minute, shared);
    assert_eq!(
        seen,
        [row("user rate limit", 40, 30, false), row("rate limit of gold", 100, 90, false), row("anonymous rate limit", 12, 7, true)]
    );
}

#[test]
fn who_must_show_something_is_refused_without_it() {
    let with = |auth: &str| {
        checks(&stack(&short(&format!("workload: {{image: 'x:1'}}, tls: {{}}, rateLimit: {{}}, routes: [{{path: /a}}], auth: {{{auth}}}"))))
    };
    let jwt = with("jwt: {issuer: i, jwksConfigMap: keys}");
    assert_eq!(jwt, ["/a without a token", "plain HTTP leads to HTTPS", "certificate names", "gateway programmed"]);
    let key = with("apiKey: {secret: keys}");
    assert_eq!(
        key,
        [
            "/a without credentials",
            "/a over https",
            "plain HTTP leads to HTTPS",
            "certificate names",
            "gateway programmed",
            "user rate limit"
        ]
    );
    assert_eq!(with("basic: {secret: users}"), key);
}

#[test]
fn what_one_machine_cannot_do_is_said() {
    let text = stack_text(&short(
        "workload: {image: 'x:1', envSecrets: [db]}, routes: [{path: /a, methods: [POST]}, {path: '/b.*', match: RegularExpression}, \
         {path: /c, backends: [{service: other}]}], rateLimit: {scope: global, unit: Hour}, circuitBreaker: {}, retry: {}, \
         auth: {external: {service: guard, port: 80}}, autoscale: {kafka: {group: g, topic: t}}",
    ));
    for words in [
        "no Redis",
        "the Service guard, which decides who may call, is no part of this stack",
        "Kafka is no part of this stack",
        "without the Secret db",
        "the Service other is no part of this stack",
        "not checked: the route /a: checks send GET alone",
        "not checked: the route /b.*: say a path that it takes in, with `check.path`",
        "not checked: the route /c: the Service other",
        "not checked: rate limits: no route is known to answer a GET with 200",
        "not checked: the circuit breaker: say a path",
        "not checked: retries",
    ] {
        assert!(text.replace("\n# ", " ").contains(words), "{words}\n{text}");
    }
}

#[test]
fn a_worker_needs_no_gateway() {
    let spec = short("workload: {image: 'x:1'}, routes: [], autoscale: {min: 0, cron: {start: 0 8 * * *, end: 0 9 * * *, replicas: 2}}");
    let stack = stack(&spec);
    let names: Vec<&str> = stack.components.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["namespace", "workload", "keda-keys", "keda", "scaler"]);
    assert!(stack.expose.is_empty() && stack.cluster.ports.is_empty());
    assert_eq!(checks(&stack), ["scaler ready"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn every_specification_becomes_a_stack_that_is_good(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let spec = spec(&arbitrary::specification(&bytes, "api", "apis").to_string());
        let folder = stack_folder(&spec);
        if let Err(findings) = resolve(&folder, &overrides()) {
            let text = folder.files.iter().map(|(path, b)| format!("== {path}\n{}", String::from_utf8_lossy(b))).collect::<Vec<_>>().concat();
            return Err(TestCaseError::fail(format!("{findings}\n{text}")));
        }
        prop_assert_eq!(&folder, &stack_folder(&spec));
    }
}
