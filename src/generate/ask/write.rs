//! The answers as a specification with comments.

use super::Answers;

/// Lines of YAML.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A line that says why the next one is there.
    fn why(&mut self, comment: &str) {
        self.add(&format!("  # {comment}"));
    }
}

/// A text as YAML: as it stands where that is a text, else in quotes.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::String(text.replace("${", "$${")).to_string() }
}

fn list(words: &[&str]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

/// The whole specification.
pub(super) fn text(a: &Answers) -> String {
    let mut to = Lines::default();
    to.add("# Written by `tstack generate --ask`. What is not said here has its default: docs/generate.md lists them all.");
    to.add("apiVersion: tstack.dev/v1alpha1");
    to.add("kind: ServiceSpec");
    to.add("metadata:");
    to.add(&format!("  name: {}", quoted(a.get("name"))));
    to.add(&format!("  description: {}", quoted(a.get("description"))));
    to.add("");
    to.add("spec:");
    to.add(&format!("  profile: {}", a.get("profile")));
    to.add(&format!("  port: {}", a.get("port")));
    program(a, &mut to);
    if a.yes("called") {
        gateway(a, &mut to);
        routes(a, &mut to);
        protection(a, &mut to);
        access(a, &mut to);
    } else {
        to.why("nobody calls it: no gateway");
        to.add("  routes: []");
    }
    scaling(a, &mut to);
    to.0
}

fn program(a: &Answers, to: &mut Lines) {
    if a.yes("deploy") {
        to.add("");
        to.add("  workload:");
        to.add(&format!("    image: {}", quoted(a.get("image"))));
        if a.is("scale", "nothing") {
            to.add(&format!("    replicas: {}", a.get("replicas")));
        }
        to.add(&format!("    readiness: {}", quoted(a.get("health"))));
    } else {
        to.why("no `workload`: the Services are there already");
    }
    if a.number("versions") != 1 {
        to.add("  versions:");
        // more than a specification takes is written as well, so that its own message says so
        for number in 1..=a.number("versions").min(100) {
            to.add(&format!("    - {{ name: v{number} }}"));
        }
    }
    match a.get("share") {
        "canary" => {
            to.why("raise it while all goes well, to 100 at the end");
            to.add(&format!("  split: {{ strategy: canary, percent: {} }}", a.get("percent")));
        }
        "blueGreen" => {
            to.why("all requests go to v1; `percent: 100` sends all to v2");
            to.add("  split: { strategy: blueGreen }");
        }
        "ab" => {
            to.why("requests with `x-beta-user: true` go to v2");
            to.add("  split: { strategy: ab }");
        }
        _ => {}
    }
}

fn gateway(a: &Answers, to: &mut Lines) {
    if !a.list("hosts").is_empty() {
        to.add(&format!("  hosts: {}", list(&a.list("hosts"))));
    }
    let mode = if a.is("profile", "production") { a.get("trusted") } else { a.get("certificate") };
    match mode {
        "selfSigned" => {
            to.why("a certificate that signs itself: encrypted, but no client trusts it");
            to.add("  tls: {}");
        }
        "issuer" => to.add(&format!("  tls: {{ mode: issuer, issuer: {{ name: {} }} }}", quoted(a.get("issuer")))),
        "ca" => to.add(&format!("  tls: {{ mode: ca, caSecret: {} }}", quoted(a.get("ca")))),
        "existing" => {
            to.why("the Secret must be there before the gateway");
            to.add("  tls: { mode: existing }");
        }
        _ => to.why("no `tls`: plain HTTP alone"),
    }
}

fn routes(a: &Answers, to: &mut Lines) {
    to.add("");
    to.add("  routes:");
    let versions = a.number("versions");
    for path in a.list("paths") {
        // versions that are not shared by a split are told apart by their paths; more than two always are
        if versions > 1 && matches!(a.get("share"), "" | "path") {
            for number in 1..=versions.min(100) {
                to.add(&format!("    - {{ path: {}, version: v{number} }}", quoted(&format!("{}/v{number}", path.trim_end_matches('/')))));
            }
        }
        to.add(&format!("    - {{ path: {} }}", quoted(path)));
    }
}

fn protection(a: &Answers, to: &mut Lines) {
    if a.yes("limit") {
        to.add("");
        if a.is("count", "global") {
            to.why("counted in the Redis that Envoy Gateway's own configuration must name");
        }
        to.add("  rateLimit:");
        for (key, answer) in [
            ("scope", "count"),
            ("userHeader", "userHeader"),
            ("authenticated", "authenticated"),
            ("anonymous", "anonymous"),
            ("unit", "unit"),
        ] {
            let value = if key == "userHeader" { quoted(a.get(answer)) } else { a.get(answer).to_owned() };
            to.add(&format!("    {key}: {value}"));
        }
    }
    if a.yes("breaker") {
        to.add("  circuitBreaker:");
        for (key, answer) in [("maxConnections", "connections"), ("maxParallelRequests", "parallel"), ("maxPendingRequests", "pending")] {
            to.add(&format!("    {key}: {}", a.get(answer)));
        }
    }
    if a.yes("probe") {
        let path = if a.yes("deploy") { a.get("health") } else { "/health" };
        to.add(&format!("  healthCheck: {{ active: {{ path: {} }}, passive: {{}} }}", quoted(path)));
    }
    if a.yes("retry") {
        to.why("only what no pod has seen");
        to.add("  retry: {}");
    }
}

fn access(a: &Answers, to: &mut Lines) {
    if a.yes("sso") {
        to.add("  auth:");
        to.add(&format!(
            "    oidc: {{ issuer: {}, clientId: {}, clientSecret: {} }}",
            quoted(a.get("oidcIssuer")),
            quoted(a.get("clientId")),
            quoted(a.get("clientSecret"))
        ));
    } else if a.yes("jwt") {
        to.add("  auth:");
        to.add(&format!(
            "    jwt: {{ issuer: {}, audiences: [{}], jwksUri: {} }}",
            quoted(a.get("jwtIssuer")),
            quoted(a.get("audience")),
            quoted(a.get("jwks"))
        ));
    } else if a.yes("internal") {
        to.add(&format!("  auth: {{ {}: {{ secret: {} }} }}", a.get("credential"), quoted(a.get("credentials"))));
    } else if a.is("internal", "no") {
        to.add(&format!("  auth: {{ external: {{ service: {}, port: {} }} }}", quoted(a.get("guard")), a.get("guardPort")));
    }
    if !a.list("allow").is_empty() {
        to.add(&format!("  ipAllow: {}", list(&a.list("allow"))));
    }
    if !a.list("origins").is_empty() {
        to.add(&format!("  cors: {{ origins: {} }}", list(&a.list("origins"))));
    }
}

fn scaling(a: &Answers, to: &mut Lines) {
    let signal = match a.get("scale") {
        "requests" => format!("prometheus: {{ threshold: {} }}", a.get("threshold")),
        "query" => format!("prometheus: {{ query: {}, threshold: {} }}", quoted(a.get("query")), a.get("threshold")),
        "kafka" => {
            format!(
                "kafka: {{ bootstrap: {}, group: {}, topic: {} }}",
                quoted(a.get("brokers")),
                quoted(a.get("group")),
                quoted(a.get("topic"))
            )
        }
        "cron" => format!(
            "cron: {{ timezone: {}, start: {}, end: {}, replicas: {} }}",
            quoted(a.get("zone")),
            quoted(a.get("start")),
            quoted(a.get("end")),
            a.get("busy")
        ),
        "cpu" => format!("cpu: {{ utilization: {} }}", a.get("use")),
        _ => return,
    };
    to.add("");
    if a.number("min") == 0 {
        to.why("with nothing to do no pod runs");
    }
    to.add("  autoscale:");
    to.add(&format!("    min: {}", a.get("min")));
    to.add(&format!("    max: {}", a.get("max")));
    to.add(&format!("    {signal}"));
}
