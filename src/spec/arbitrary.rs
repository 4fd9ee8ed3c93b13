//! Specifications over the whole input space, for tests: each byte is a decision, so a property test can choose and shrink them.

use serde_json::{Map, Value, json};

/// Decisions, one a byte; the simplest answer when there are none left.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    /// A number below `many`.
    fn below(&mut self, many: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % many.max(1))
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Some of a list, in its order.
    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        of.iter().filter(|_| self.yes()).cloned().collect()
    }
}

/// A specification that has nothing wrong with it, as a file. The name and namespace are given, so that several fit in one cluster.
#[must_use]
pub fn specification(bytes: &[u8], name: &str, namespace: &str) -> Value {
    let mut choices = Choices(bytes.iter());
    let spec = spec(&mut choices);
    json!({
        "apiVersion": "tstack.dev/v1alpha1",
        "kind": "ServiceSpec",
        "metadata": {"name": name, "namespace": namespace, "description": "made for a test"},
        "spec": spec,
    })
}

/// What the parts must agree on.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Frame {
    production: bool,
    routed: bool,
    workload: bool,
    versions: usize,
    tls: bool,
    auth: usize,
}

fn spec(c: &mut Choices<'_>) -> Value {
    let mut frame = Frame {
        routed: c.below(8) != 7,
        production: c.below(3) == 1,
        workload: c.below(3) != 1,
        versions: 1 + c.below(3),
        tls: c.yes(),
        auth: c.below(6),
    };
    // a password needs HTTPS, and so does production
    frame.tls = frame.routed && (frame.tls || frame.production || (2..=4).contains(&frame.auth));
    let mut spec = Map::new();
    if frame.production {
        spec.insert("profile".into(), json!("production"));
    }
    if c.yes() {
        spec.insert("port".into(), json!(c.one(&[80, 8080, 9000, 65535])));
    }
    if c.below(4) == 1 {
        spec.insert("service".into(), json!("other-service"));
    }
    let scaled = scaling(c, &frame);
    if frame.workload {
        spec.insert("workload".into(), workload(c, &frame));
    }
    versions(c, &frame, scaled.is_some(), &mut spec);
    if let Some(scale) = scaled {
        spec.insert("autoscale".into(), scale);
    }
    spec.insert("routes".into(), json!([]));
    if frame.routed {
        routed(c, &frame, &mut spec);
    }
    if !frame.workload && c.below(3) == 1 {
        spec.insert(
            "disruptionBudget".into(),
            json!({"minAvailable": 1 + c.below(3), "selector": {"app": "x", "example.com/part": "a_b"}}),
        );
    }
    Value::Object(spec)
}

fn workload(c: &mut Choices<'_>, frame: &Frame) -> Value {
    let mut all = Map::new();
    let images = [
        "example/api:1.2.3",
        "ghcr.io/a/b:v1",
        "localhost:5000/x:a",
        "docker.io/library/nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123",
    ];
    all.insert("image".into(), json!(c.one(&images)));
    if c.yes() {
        all.insert("replicas".into(), json!(2 + c.below(3)));
    }
    if c.yes() {
        all.insert("port".into(), json!(c.one(&[8000, 3000])));
        let args = ["--verbose", "yes", "a: b", "$${x}", "- x", "", "*", "'quoted' \"twice\""];
        all.insert("args".into(), json!(c.some(&args)));
        let env = json!({"PORT": "8000", "EMPTY": "", "YES": "yes", "TEXT": "a\nb # c: d", "FAR": "é\t\u{1f600}"});
        all.insert("env".into(), env);
    }
    if c.yes() {
        all.insert("envSecrets".into(), json!(["api-secrets"]));
        all.insert(
            "resources".into(),
            json!({"cpu": c.one(&["10m", "1", "0.5"]), "memory": "32Mi", "memoryLimit": c.one(&["32Mi", "1Gi"])}),
        );
        all.insert("metrics".into(), json!("/metrics"));
        all.insert("readiness".into(), json!("/ready"));
    }
    if !frame.production && c.yes() {
        all.insert("pullPolicy".into(), json!(c.one(&["Always", "Never"])));
    }
    Value::Object(all)
}

fn versions(c: &mut Choices<'_>, frame: &Frame, scaled: bool, spec: &mut Map<String, Value>) {
    let split = frame.versions > 1 && frame.routed && c.yes();
    let weights = !split && c.yes();
    let all: Vec<Value> = (0..frame.versions)
        .map(|index| {
            let mut version = Map::new();
            version.insert("name".into(), json!(format!("v{}", index + 1)));
            if c.below(4) == 1 {
                version.insert("service".into(), json!(format!("own-{}", index + 1)));
                version.insert("port".into(), json!(81));
            }
            if weights {
                version.insert("weight".into(), json!(if index == 0 { 1 + c.below(100) } else { c.below(100) }));
            }
            if frame.workload && c.below(4) == 1 {
                version.insert("image".into(), json!("example/api:2"));
                version.insert("env".into(), json!({"VERSION": "2"}));
            }
            if frame.workload && !(scaled && index == 0) && c.below(4) == 1 {
                version.insert("replicas".into(), json!(1 + c.below(4)));
            }
            Value::Object(version)
        })
        .collect();
    if frame.versions > 1 || c.yes() {
        spec.insert("versions".into(), json!(all));
    }
    if split {
        let split = match c.below(4) {
            0 => json!({"strategy": "canary", "percent": c.below(101)}),
            1 => json!({"strategy": "blueGreen", "percent": c.one(&[0, 100])}),
            2 => json!({"strategy": "ab", "header": {"name": "x-beta", "value": c.one(&["true", "yes please", "\"1\""])}}),
            _ => json!({"strategy": "canary", "stable": "v2", "candidate": "v1"}),
        };
        spec.insert("split".into(), split);
    }
}

fn scaling(c: &mut Choices<'_>, frame: &Frame) -> Option<Value> {
    let mut all = Map::new();
    match c.below(7) {
        0 | 1 => return None,
        2 => {
            all.insert("cpu".into(), json!({"utilization": 10 + c.below(80)}));
        }
        3 => {
            all.insert("kafka".into(), json!({"group": "workers", "topic": "task.events", "partitions": c.one(&[5, 40])}));
            all.insert("polling".into(), json!(5));
        }
        4 => {
            let cron = json!({"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "replicas": 3});
            all.insert("cron".into(), cron);
            all.insert("prometheus".into(), json!({"query": "sum(up{job=\"a\"}) or vector(0)", "threshold": c.one(&[0.5, 10.0])}));
        }
        _ => {
            let query = if frame.routed { json!({}) } else { json!({"query": "sum(queue)", "server": "https://p.example.com:9090/x"}) };
            all.insert("prometheus".into(), query);
        }
    }
    let least = if frame.routed && frame.production { 2 } else { 1 };
    if c.yes() {
        let sleeping = !frame.routed && !all.contains_key("cpu");
        all.insert("min".into(), json!(if sleeping { 0 } else { least + c.below(3) }));
        all.insert("max".into(), json!(5 + c.below(30)));
        all.insert("scaleDownAfter".into(), json!(c.one(&[0, 30, 3600])));
        if !all.contains_key("cpu") {
            all.insert("cooldown".into(), json!(60));
        }
    }
    if !frame.workload && c.yes() {
        all.insert("deployment".into(), json!("api-deployment"));
    }
    Some(Value::Object(all))
}

fn routed(c: &mut Choices<'_>, frame: &Frame, spec: &mut Map<String, Value>) {
    if frame.production || c.yes() {
        spec.insert("hosts".into(), c.one(&[json!(["api.example.com"]), json!(["*.example.com", "example.org"])]));
    }
    spec.insert("routes".into(), routes(c, frame));
    gateway(c, frame, spec);
    if frame.tls {
        spec.insert("tls".into(), tls(c, frame));
    }
    limits(c, spec);
    if let Some(auth) = auth(c, frame) {
        spec.insert("auth".into(), auth);
    }
    if c.below(3) == 1 {
        spec.insert("ipAllow".into(), json!(c.one(&[vec!["10.0.0.0/8"], vec!["192.0.2.1/32", "2001:db8::/32"]])));
    }
    if c.below(3) == 1 {
        let origins = c.one(&[vec!["*"], vec!["https://app.example.com", "https://*.example.com", "http://localhost:3000"]]);
        let credentials = !origins.contains(&"*") && c.yes();
        spec.insert(
            "cors".into(),
            json!({"origins": origins, "credentials": credentials, "exposeHeaders": ["x-request-id"], "maxAge": "10m"}),
        );
    }
    if c.below(3) == 1 {
        let mut client =
            json!({"requestTimeout": "30s", "idleTimeout": "1h", "maxConnections": 1 + c.below(250), "trustedHops": 1 + c.below(3)});
        if frame.tls {
            client["minTlsVersion"] = json!(c.one(&["1.2", "1.3"]));
        }
        spec.insert("client".into(), client);
    }
}

fn routes(c: &mut Choices<'_>, frame: &Frame) -> Value {
    let many = 1 + c.below(5);
    let all: Vec<Value> = (0..many)
        .map(|index| {
            let mut route = Map::new();
            // the first is a plain prefix, where a login may come back to
            let kind = if index == 0 { 0 } else { c.below(4) };
            match kind {
                1 => {
                    route.insert("path".into(), json!(format!("/exact-{index}")));
                    route.insert("match".into(), json!("Exact"));
                }
                2 => {
                    route.insert("path".into(), json!(format!("/items-{index}/[0-9]+(/.*)?")));
                    route.insert("match".into(), json!("RegularExpression"));
                }
                _ => {
                    route.insert("path".into(), json!(c.one(&[format!("/api-{index}"), format!("/a%20b/{index}/"), format!("/~x;y=1/{index}")])));
                }
            }
            let prefix = kind == 0 || kind == 3;
            if c.below(3) == 1 {
                route.insert("methods".into(), json!(c.some(&["GET", "HEAD", "POST", "DELETE"])));
            }
            if c.below(3) == 1 {
                let headers = json!([{"name": "x-a", "value": c.one(&["1", "true", "a: b # c", "*"])}, {"name": "x-b", "value": "v[0-9]+", "regex": true}]);
                route.insert("headers".into(), headers);
                route.insert("query".into(), json!([{"name": "q", "value": "yes"}]));
            }
            if c.below(4) == 1 {
                route.insert("hosts".into(), json!([c.one(&["a.example.com", "b.example.com"])]));
            }
            target(c, frame, index, prefix, &mut route);
            Value::Object(route)
        })
        .collect();
    json!(all)
}

fn target(c: &mut Choices<'_>, frame: &Frame, index: usize, prefix: bool, route: &mut Map<String, Value>) {
    let version = format!("v{}", 1 + c.below(frame.versions));
    match c.below(5) {
        1 if index > 0 => {
            let redirects = [
                json!({"host": "www.example.com", "status": 301}),
                json!({"scheme": "https", "port": 8443, "path": "/new", "status": 308}),
                json!({"path": "/elsewhere"}),
            ];
            route.insert("redirect".into(), c.one(&redirects));
            return;
        }
        2 if frame.versions > 1 => {
            route.insert("version".into(), json!(version));
        }
        3 => {
            let weight = 1 + c.below(99);
            route.insert(
                "backends".into(),
                json!([{"version": "v1", "weight": weight}, {"service": "legacy", "port": 81, "weight": c.below(2)}]),
            );
        }
        _ => {}
    }
    if c.below(3) == 1 {
        let rewrite = match c.below(3) {
            // each method becomes a rule of its own, and a route takes 16
            0 if prefix && (index == 0 || !route.contains_key("methods")) => json!({"prefix": "/"}),
            1 => json!({"host": "inner.example.com"}),
            _ => json!({"path": "/v2", "host": "inner.example.com"}),
        };
        route.insert("rewrite".into(), rewrite);
    }
    if c.below(3) == 1 {
        route.insert("timeout".into(), json!(c.one(&["5s", "1m30s", "500ms"])));
    }
}

fn gateway(c: &mut Choices<'_>, frame: &Frame, spec: &mut Map<String, Value>) {
    if c.yes() {
        return;
    }
    let mut all = Map::new();
    if c.yes() {
        all.insert("name".into(), json!("edge"));
        all.insert("ports".into(), json!({"http": 8080, "https": 8443}));
        all.insert("publicPorts".into(), json!({"http": 80, "https": 443}));
    }
    match c.below(4) {
        1 => {
            let mut ports = json!({"http": 30080});
            if frame.tls {
                ports["https"] = json!(30443);
            }
            all.insert("service".into(), json!({"type": "NodePort", "name": "edge-envoy", "nodePorts": ports}));
        }
        2 => {
            all.insert("service".into(), json!({"type": "ClusterIP"}));
        }
        3 => {
            all.insert("service".into(), json!({"type": "LoadBalancer"}));
        }
        _ => {}
    }
    if c.yes() {
        all.insert("replicas".into(), json!(2 + c.below(3)));
        all.insert("resources".into(), json!({"cpu": "200m", "memory": "128Mi", "memoryLimit": "512Mi"}));
    }
    spec.insert("gateway".into(), Value::Object(all));
}

fn tls(c: &mut Choices<'_>, frame: &Frame) -> Value {
    let mode = if frame.production { 1 + c.below(3) } else { c.below(4) };
    let mut tls = match mode {
        1 => json!({"mode": "issuer", "issuer": {"name": "letsencrypt", "kind": c.one(&["Issuer", "ClusterIssuer"])}}),
        2 => json!({"mode": "ca", "caSecret": "own-ca"}),
        3 => json!({"mode": "existing", "secret": "given"}),
        _ => json!({}),
    };
    if mode != 3 && c.yes() {
        tls["dnsNames"] = json!(["api.example.com", "*.example.com"]);
        tls["days"] = json!(c.one(&[1, 90, 3650]));
        tls["ipAddresses"] = c.one(&[json!([]), json!(["127.0.0.1", "::1"])]);
    }
    if c.yes() {
        tls["redirect"] = json!(true);
    }
    tls
}

fn limits(c: &mut Choices<'_>, spec: &mut Map<String, Value>) {
    if c.yes() {
        let mut limit = json!({"scope": c.one(&["local", "global"])});
        if c.yes() {
            limit["authenticated"] = json!(c.one(&[100, 4_294_967_295_u32]));
            limit["anonymous"] = json!(1 + c.below(100));
            limit["unit"] = json!(c.one(&["Second", "Minute", "Hour", "Day", "Month", "Year"]));
            limit["userHeader"] = json!("X-User");
        }
        if c.yes() {
            let tiers = [
                json!({"value": "gold", "requests": 1000}),
                json!({"value": "a: \"b\"", "requests": 5}),
                json!({"value": "true", "requests": 7}),
            ];
            limit["tiers"] = json!(c.some(&tiers));
        }
        spec.insert("rateLimit".into(), limit);
    }
    if c.yes() {
        let breaker = [json!({}), json!({"maxConnections": 4_294_967_295_u32, "maxParallelRequests": 1, "maxPendingRequests": 1})];
        spec.insert("circuitBreaker".into(), c.one(&breaker));
    }
    match c.below(4) {
        1 => {
            spec.insert("healthCheck".into(), json!({}));
        }
        2 => {
            let active = json!({"path": "/health", "interval": "3s", "timeout": "500ms", "unhealthyThreshold": 2, "healthyThreshold": 2});
            spec.insert("healthCheck".into(), json!({"active": active}));
        }
        3 => {
            spec.insert("healthCheck".into(), json!({"active": {}, "passive": {"consecutive5xx": 1, "maxEjectionPercent": 100}}));
        }
        _ => {}
    }
    match c.below(4) {
        1 => {
            spec.insert("retry".into(), json!({}));
        }
        2 => {
            let on = ["5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream"];
            let mut on = c.some(&on);
            on.push("retriable-status-codes");
            spec.insert(
                "retry".into(),
                json!({"count": 10, "on": on, "statusCodes": [409, 503], "perTry": "2s", "baseInterval": "10ms", "maxInterval": "1s"}),
            );
        }
        _ => {}
    }
    if c.yes() {
        spec.insert("timeout".into(), json!({"request": c.one(&["500ms", "2m", "1h"]), "connect": "1s"}));
    }
}

fn auth(c: &mut Choices<'_>, frame: &Frame) -> Option<Value> {
    Some(match frame.auth {
        1 => {
            let keys = c.one(&[("jwksUri", "https://id.example.com/keys.json"), ("jwksConfigMap", "keys")]);
            let mut jwt =
                json!({"issuer": "https://id.example.com/", "audiences": c.some(&["api", "https://api.example.com"]), "optional": c.yes()});
            jwt[keys.0] = json!(keys.1);
            if c.yes() {
                jwt["headers"] = json!({"x-user-id": "sub", "x-plan": "plan.name"});
            }
            json!({"jwt": jwt})
        }
        2 => {
            let mut oidc = json!({"issuer": "https://id.example.com", "clientId": "api", "clientSecret": "oidc", "scopes": c.some(&["email", "profile"])});
            if c.yes() {
                oidc["authorizationEndpoint"] = json!("https://id.example.com/authorize");
                oidc["tokenEndpoint"] = json!("https://id.example.com/token");
            }
            json!({"oidc": oidc})
        }
        3 => c.one(&[json!({"basic": {"secret": "users"}}), json!({"basic": {"secret": "users", "userHeader": "x-name"}})]),
        4 => c.one(&[
            json!({"apiKey": {"secret": "keys"}}),
            json!({"apiKey": {"secret": "keys", "header": "X-Key", "clientHeader": "x-client"}}),
        ]),
        5 => c.one(&[
            json!({"external": {"service": "guard", "port": 9000, "protocol": "grpc", "failOpen": true}}),
            json!({"external": {"service": "guard", "port": 80, "path": "/check", "headers": ["x-user-id"], "timeout": "300ms"}}),
        ]),
        _ => return None,
    })
}
