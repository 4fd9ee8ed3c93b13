use super::*;

/// Reads a specification and says all that is wrong with it.
fn findings(text: &str) -> String {
    match read("service.yaml", text.as_bytes(), &[]) {
        Ok((spec, _)) => panic!("nothing was found wrong: {spec:#?}"),
        Err(findings) => findings.to_string(),
    }
}

/// The messages of all findings, or of all warnings where nothing is wrong, in order.
fn messages(spec: &str) -> Vec<String> {
    let text =
        format!("apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {{name: api}}\nspec:\n  {}\n", spec.replace('\n', "\n  "));
    let list = match read("service.yaml", text.as_bytes(), &[]) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings.list().to_vec(),
    };
    list.iter().map(|f| format!("{}:{} {}; {}", f.line, f.column, f.message, f.hint.as_deref().unwrap_or("no remedy"))).collect()
}

fn spec(text: &str) -> ServiceSpec {
    let text = format!("apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {{name: api}}\nspec: {{{text}}}\n");
    read("service.yaml", text.as_bytes(), &[]).unwrap().0
}

#[test]
fn a_short_specification_has_every_default() {
    let api = spec("routes: [{path: /api}]");
    assert_eq!((api.namespace.as_str(), api.versions[0].service.as_str(), api.versions[0].port), ("api", "api", 8000));
    let gateway = api.gateway.as_ref().unwrap();
    assert_eq!((gateway.name.as_str(), gateway.class_name.as_str(), gateway.service.as_str()), ("api-gateway", "eg", "envoy-api"));
    assert_eq!((gateway.service_type, gateway.replicas, gateway.ports.http), (ServiceType::NodePort, 1, 80));
    assert_eq!(api.timeout.request.as_str(), "30s");
    assert!(api.tls.is_none() && api.rate_limit.is_none() && api.client.is_none() && api.budgets.is_empty());
    let Action::Forward { backends, .. } = &api.routes[0].action else { panic!("it redirects") };
    assert_eq!(backends, &[Backend { version: Some("v1".into()), service: "api".into(), port: 8000, weight: 1 }]);
}

#[test]
fn an_empty_block_takes_its_defaults() {
    let api = spec("routes: [{path: /api}], rateLimit: {}, circuitBreaker: {}, retry: {}, tls: {}, autoscale: {prometheus: {}}");
    let limit = api.rate_limit.unwrap();
    assert_eq!((limit.authenticated, limit.anonymous, limit.user_header.as_str(), limit.unit), (100, 10, "x-user-id", Unit::Minute));
    assert_eq!(api.circuit_breaker.unwrap().max_pending_requests, 5);
    assert!(api.passive_health_check.is_some(), "a breaker without a health check");
    assert!(api.retry.unwrap().on.iter().all(|trigger| trigger.is_unseen()));
    let tls = api.tls.unwrap();
    assert_eq!((tls.secret.as_str(), tls.dns_names[0].as_str(), tls.ip_addresses.len(), tls.redirect), ("api-tls", "localhost", 2, false));
    let scale = api.autoscale.unwrap();
    assert_eq!((scale.min, scale.max, scale.deployment.as_str()), (1, 10, "api"));
    let Signal::Keda(keda) = scale.signal else { panic!("no KEDA") };
    let prometheus = keda.prometheus.unwrap();
    assert_eq!(prometheus.query, "sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=~\"httproute/api/api-route/rule/.*\"}[1m]))");
    assert_eq!(prometheus.threshold, "50");
}

#[test]
fn production_has_two_of_everything_and_https_alone() {
    let api = spec(
        "profile: production, hosts: [api.example.com], tls: {mode: issuer, issuer: {name: letsencrypt}}, routes: [{path: /api}], \
         workload: {image: 'example/api:1'}, autoscale: {cpu: {}}",
    );
    let gateway = api.gateway.as_ref().unwrap();
    assert_eq!((gateway.service_type, gateway.replicas, gateway.public_ports.https), (ServiceType::LoadBalancer, 2, 443));
    assert!(api.redirects_to_https());
    assert_eq!(api.tls.as_ref().unwrap().dns_names, ["api.example.com"]);
    assert_eq!(api.client.as_ref().unwrap().min_tls_version, Some(TlsVersion::V1_2));
    assert_eq!(api.autoscale.as_ref().unwrap().min, 2);
    assert_eq!(api.versions[0].workload.as_ref().unwrap().replicas, None);
    assert_eq!((api.budgets.len(), api.budgets[0].min_available), (1, 1));
}

#[test]
fn requests_are_shared_as_the_split_says() {
    let weights = |split: &str| {
        let api =
            spec(&format!("versions: [{{name: v1}}, {{name: v2}}], split: {split}, routes: [{{path: /api}}, {{path: /v1, version: v1}}]"));
        let of = |route: &Route| match &route.action {
            Action::Forward { backends, .. } => {
                backends.iter().map(|b| format!("{}={}", b.service, b.weight)).collect::<Vec<_>>().join(" ")
            }
            Action::Redirect(_) => String::new(),
        };
        api.routes
            .iter()
            .map(|route| format!("{}{} {}", route.path, if route.headers.is_empty() { "" } else { "+header" }, of(route)))
            .collect::<Vec<_>>()
    };
    assert_eq!(weights("{strategy: canary}"), ["/api api=90 api-v2=10", "/v1 api=1"]);
    assert_eq!(weights("{strategy: blueGreen, percent: 100}"), ["/api api=0 api-v2=100", "/v1 api=1"]);
    assert_eq!(weights("{strategy: ab}"), ["/api+header api-v2=1", "/api api=1", "/v1 api=1"]);
}

#[test]
fn parameters_are_filled_in_and_change_the_digest() {
    let text = "apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {name: api}\nparameters: {limit: 100, host: a.example.com}\n\
                spec: {hosts: ['${host}'], routes: [{path: /api}], rateLimit: {authenticated: '${limit}'}}\n";
    let with = |settings: &[(&str, &str)]| {
        let settings: Vec<_> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        read("service.yaml", text.as_bytes(), &settings)
    };
    let (plain, changed) = (
        with(&[]).unwrap().0,
        with(&[("parameters.limit", "5"), ("parameters.host", "b.example.com"), ("spec.rateLimit.authenticated", "20")]).unwrap().0,
    );
    assert_eq!((plain.rate_limit.unwrap().authenticated, changed.rate_limit.unwrap().authenticated), (100, 20));
    assert_eq!(changed.hosts, ["b.example.com"]);
    assert_ne!(plain.digest, changed.digest);
    assert_eq!(plain.digest.len(), 16);
    insta::assert_snapshot!(with(&[("parameters.limt", "5"), ("parameters.limit", "many")]).unwrap_err(), @r"
    --set:1:12: there is no parameter `limt`
      parameters.limt=5
                 ^
      hint: did you mean `limit`?

    --set:1:18: the parameter `limit` is a number, found `many`
      parameters.limit=many
                       ^

    2 errors
    ");
}

#[test]
fn what_the_schema_finds_has_its_place_and_its_words() {
    let text = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: Task_API}
spec:
  profile: prod
  hosts: [http://x]
  rateLimit: {authenticted: 5, unit: Minutes, anonymous: 0}
  timeout: {request: 30}
  retry: {on: [], count: 11}
  routes: [{path: api, methods: [get]}]
";
    insta::assert_snapshot!(findings(text), @r"
    service.yaml:3:18: `metadata.name` must be a name of lower case letters, digits and inner `-`, with a letter first, at most 40 characters, found the text `Task_API`
      metadata: {name: Task_API}
                       ^

    service.yaml:5:12: `spec.profile` must be `local` or `production`, found the text `prod`
        profile: prod
                 ^

    service.yaml:6:11: `spec.hosts[0]` must be a host name such as `api.example.com` or `*.example.com`, found the text `http://x`
        hosts: [http://x]
                ^

    service.yaml:7:15: `spec.rateLimit` has no key `authenticted`
        rateLimit: {authenticted: 5, unit: Minutes, anonymous: 0}
                    ^
      hint: did you mean `authenticated`?

    service.yaml:7:38: `spec.rateLimit.unit` must be `Second` or `Minute` or `Hour` or `Day` or `Month` or `Year`, found the text `Minutes`
        rateLimit: {authenticted: 5, unit: Minutes, anonymous: 0}
                                           ^

    service.yaml:7:58: `spec.rateLimit.anonymous` must be 1 to 4294967295, found 0
        rateLimit: {authenticted: 5, unit: Minutes, anonymous: 0}
                                                               ^

    service.yaml:8:22: `spec.timeout.request` must be a length of time such as `500ms`, `30s` or `1m30s`, found the number 30
        timeout: {request: 30}
                           ^

    service.yaml:9:15: `spec.retry.on` must have at least 1 entry
        retry: {on: [], count: 11}
                    ^

    service.yaml:9:26: `spec.retry.count` must be 1 to 10, found 11
        retry: {on: [], count: 11}
                               ^

    service.yaml:10:19: `spec.routes[0].path` must be a path that begins with `/`, found the text `api`
        routes: [{path: api, methods: [get]}]
                        ^

    service.yaml:10:34: `spec.routes[0].methods[0]` must be `GET` or `HEAD` or `POST` or `PUT` or `DELETE` or `CONNECT` or `OPTIONS` or `TRACE` or `PATCH`, found the text `get`
        routes: [{path: api, methods: [get]}]
                                       ^

    11 errors
    ");
}

#[test]
fn rules_between_fields_name_the_place_and_the_remedy() {
    let text = "\
routes:
- {path: /api, version: v3}
- {path: /api, version: v3}
- {path: '/a b', backends: [{version: v1, weight: 0}, {service: x, weight: 0}]}
- {path: /health, match: Exact}
- {path: /x, redirect: {}, rewrite: {prefix: /}}
- {path: '/y/[0-9', match: RegularExpression, rewrite: {prefix: /}}
rateLimit: {authenticated: 5, anonymous: 10, tiers: [{value: gold, requests: 9}, {value: gold, requests: 8}]}
circuitBreaker: {maxConnections: 5, maxParallelRequests: 10, maxPendingRequests: 20}
healthCheck: {active: {interval: 1s, timeout: 2s}}
retry: {on: [retriable-status-codes], baseInterval: 1s}
ipAllow: [10.0.0.1, 10.0.0.0/33]
cors: {origins: ['*', 'https://a/'], credentials: true}
client: {minTlsVersion: '1.3'}
autoscale: {min: 0, prometheus: {}, cpu: {}}
disruptionBudget: {}
gateway: {ports: {http: 80, https: 80}, service: {type: LoadBalancer, nodePorts: {https: 30443}}}
split: {strategy: ab, percent: 5}
auth: {jwt: {issuer: x}, basic: {secret: users}}";
    insta::assert_snapshot!(messages(text).join("\n"), @r"
    6:27 there is no version `v3`; did you mean `v1`?
    7:5 the same requests are already routed at service.yaml:6; make one route of the two
    7:27 there is no version `v3`; did you mean `v1`?
    8:12 `/a b` holds ` `, which a path cannot hold; write it as % and two hexadecimal digits
    8:20 the weights add up to 0; the gateway would answer 500: give one of them a weight above 0
    10:16 the redirect leads to the same address again; say where to, with `scheme`, `host`, `port` or `path`
    10:30 `rewrite` is for requests that are passed on, and this route redirects; leave it out
    11:12 `/y/[0-9` is not a regular expression: unclosed character class; see the syntax of RE2
    11:59 only a prefix that was matched can be replaced; use `match: PathPrefix`, or `path` in place of `prefix`
    12:44 clients without a name may make more requests (10) than a user (5); make `anonymous` at most as large as `authenticated`
    12:92 the tier `gold` is given twice; leave one out
    13:60 more requests may be under way (10) than there may be connections (5); make it at most as large as `maxConnections`
    13:84 more requests may wait (20) than be under way (10); make it at most as large as `maxParallelRequests`
    14:25 an answer may take 2s, and the next question comes after 1s; make `interval` longer than `timeout`
    15:10 the first wait (1s) is longer than the longest (250ms); make `maxInterval` as long as `baseInterval` or longer
    15:15 `retriable-status-codes` needs the key `statusCodes`; add `statusCodes`
    16:13 `10.0.0.1` is not a network; for one address write `10.0.0.1/32`
    16:23 `10.0.0.0/33` is not a network; write it as `10.0.0.0/8` or `2001:db8::/32`
    17:20 pages of every origin could act with a user's cookies; name the origins, or leave `credentials` out
    17:25 `https://a/` is not an origin; an origin is a scheme, a host and perhaps a port, without a path: `https://app.example.com`
    18:12 there is no HTTPS; add `tls`, or leave this out
    19:20 a service that is called over HTTP cannot be scaled to 0; with no pod left a request is answered 503 and starts none: make `min` 1 or more
    19:39 `cpu` is scaled by Kubernetes itself, the others by KEDA; two scalers of one Deployment undo each other's work: keep `cpu` or the others
    20:3 without `workload` the labels of the pods are not known; add `selector` with the labels of the pods
    21:73 only a Service of type `NodePort` has node ports of its own; add `type: NodePort`, or leave `nodePorts` out
    21:85 there is no HTTPS; add `tls`, or leave this out
    22:3 a split needs two versions; add the candidate to `versions`
    23:10 nothing says where the issuer's keys are; give exactly one of `jwksUri` and `jwksConfigMap`
    23:28 `jwt` and `basic` are two methods, and a request would have to pass both; keep one of them
    ");
}

#[test]
fn production_refuses_what_others_would_suffer_from() {
    let text = "\
profile: production
tls: {redirect: false, issuer: {name: x}}
workload: {image: x, replicas: 1, resources: {memory: 1Gi}}
gateway: {replicas: 1}
autoscale: {min: 1, cpu: {}}
routes: [{path: /api}]";
    insta::assert_snapshot!(messages(text).join("\n"), @r"
    6:3 no client trusts a certificate that signs itself; use `mode: issuer` with an issuer that clients trust, `ca`, or `existing`
    6:3 the certificate would be for localhost alone; add `hosts`, or name them under `tls.dnsNames`
    6:19 profile `production` speaks HTTPS alone; leave `redirect` out
    6:26 `issuer` is for `mode: issuer` alone; add `mode: issuer`, or leave this out
    7:34 one pod serves nobody while it restarts; profile `production` has at least 2; leave `replicas` out for 2, or give more
    7:57 a pod asks for 1Gi of memory and may use 256Mi; make `memoryLimit` as large as `memory` or larger
    8:23 one Envoy serves nobody while it restarts; profile `production` has at least 2; leave `replicas` out for 2, or give more
    9:20 one pod serves nobody while it restarts; profile `production` has at least 2; leave `min` out for 2, or give more
    ");
    insta::assert_snapshot!(messages("profile: production\nroutes: [{path: /api}]").join("\n"), @r"5:3 profile `production` speaks HTTPS alone, and there is no `tls`; add `tls`, for example `tls: {mode: issuer, issuer: {name: letsencrypt}}`");
}

#[test]
fn passwords_are_not_sent_in_plain_http() {
    let basic = "routes: [{path: /api}]\nauth: {basic: {secret: users}}";
    insta::assert_snapshot!(messages(basic).join("\n"), @r"6:10 the password would be sent in plain HTTP; add `tls`");
    insta::assert_snapshot!(messages(&format!("{basic}\ntls: {{redirect: false}}")).join("\n"), @r"6:10 the password could be sent in plain HTTP; leave out `redirect: false` under `tls`");
    assert!(messages(&format!("{basic}\ntls: {{}}")).is_empty());
}

#[test]
fn a_token_in_plain_http_is_unusual() {
    let jwt = "routes: [{path: /api}]\nauth: {jwt: {issuer: x, audiences: [a], jwksConfigMap: keys}}";
    insta::assert_snapshot!(messages(jwt).join("\n"), @"6:15 tokens can be sent in plain HTTP, where they can be read and used again; add `tls`, and leave `redirect: false` out");
    assert!(messages(&format!("{jwt}\ntls: {{}}")).is_empty());
}

#[test]
fn a_login_comes_back_to_a_path_that_is_routed() {
    let oidc = |more: &str| {
        format!(
            "tls: {{}}\nroutes: [{{path: /api}}]\nauth: {{oidc: {{issuer: https://id.example.com, clientId: api, clientSecret: s{more}}}}}"
        )
    };
    assert!(messages(&oidc("")).is_empty());
    insta::assert_snapshot!(messages(&oidc(", logoutPath: /logout, redirectUrl: https://a.example.com/x, tokenEndpoint: https://id.example.com/t")).join("\n"), @r"
    7:16 one endpoint is given and the other is not; give both, or neither
    7:93 no route takes in `/logout`, where the gateway would answer 404; add a route that takes it in, or choose another `logoutPath`
    7:115 no route takes in `/x`, where the gateway would answer 404; add a route that takes it in, or choose another `redirectUrl`
    ");
}

#[test]
fn without_routes_nothing_is_left_of_a_gateway() {
    let worker = "workload: {image: 'x:1'}\nautoscale: {min: 0, kafka: {group: g, topic: t, partitions: 5}}\nroutes: []";
    insta::assert_snapshot!(messages(worker).join("\n"), @r"6:63 of 10 pods 5 would have no partition to read; make `max` at most the number of partitions");
    insta::assert_snapshot!(messages(&format!("{worker}\nrateLimit: {{}}\ntls: {{}}")).join("\n"), @r"
    8:3 `rateLimit` is what the gateway does, and without routes there is none; add a route, or leave this out
    9:3 `tls` is what the gateway does, and without routes there is none; add a route, or leave this out
    ");
}

#[test]
fn what_is_unusual_is_said_and_passes() {
    let text = "\
workload: {image: 'example/api:latest'}
gateway: {replicas: 3}
rateLimit: {tiers: [{value: gold, requests: 500}]}
retry: {count: 3, on: [5xx], perTry: 20s}
auth: {external: {service: guard, port: 80, failOpen: true}}
ipAllow: [10.0.0.0/8]
routes: [{path: /}]";
    insta::assert_snapshot!(messages(text).join("\n"), @r"
    5:21 `latest` is another image tomorrow; name the version: `…:1.2.3`
    7:14 each of 3 Envoys counts for itself: users may make up to 3 times as many requests; divide the limits, or use `scope: global`, which needs Redis
    8:25 after `5xx` a pod may have done the work already: a POST would be done twice; leave `on` out for what no pod has seen, or give the routes `methods` that can be repeated
    8:40 3 tries of 20s take longer than a request may, 30s; make `perTry` or `count` smaller, or `timeout.request` longer
    9:57 while the service does not answer, everybody may call; leave `failOpen` out to refuse requests then
    10:12 on a local cluster all requests come from one address; the address is that of the cluster's bridge; with `client.trustedHops: 1` the gateway believes `X-Forwarded-For`
    ");
    insta::assert_snapshot!(messages("routes: [{path: /}]").join("\n"), @r"5:19 `/` takes in `/health` too; name the paths that are meant, such as `/api`, or add `auth` or `ipAllow`");
}

#[test]
fn what_tells_how_the_service_is_doing_is_not_for_everybody() {
    insta::assert_snapshot!(messages("routes: [{path: /health, match: Exact}, {path: /metrics}, {path: '/.*', match: RegularExpression}]").join("\n"), @r"
    5:19 `/health` tells everybody how the service is doing; leave the route out (probes and Prometheus reach the pods directly), or add `auth` or `ipAllow`
    5:50 `/metrics` tells everybody how the service is doing; leave the route out (probes and Prometheus reach the pods directly), or add `auth` or `ipAllow`
    ");
    assert!(messages("routes: [{path: /health}]\ntls: {}\nauth: {apiKey: {secret: keys}}").is_empty());
}

/// `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch and the file belong to this test alone")]
fn the_committed_schema_is_the_schema_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/service.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("TSTACK_UPDATE_SCHEMA").is_some() {
        fs_err::write(path, &text).unwrap();
    }
    let committed = fs_err::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "stacks/service.schema.json is stale: run `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema`");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a-z{}\\[\\]:,\"' \n#~0./$]{0,80}") {
        let head = "apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {name: a}\nspec: {routes: [{path: /a}], ";
        let _ = read("x", format!("{head}{text}}}").as_bytes(), &[]);
        let _ = read("x", text.as_bytes(), &[]);
    }
}
