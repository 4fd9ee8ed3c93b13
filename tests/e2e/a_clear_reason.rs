//! What cannot become ready ends the wait at once, with the object, the reason and what to do. Parts of the scenario of
//! somebody else's cluster, which has all that they need.

use std::time::Duration;

use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, same};

const NO_IMAGE: &str = r"apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: { name: no-image }
components:
  - name: app
    manifests: { files: [app.yaml] }
";

const APP: &str = r"apiVersion: v1
kind: Namespace
metadata: { name: e2e-reason }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: app, namespace: e2e-reason }
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        # port 1 of the node itself: nothing answers there, and no request leaves the machine
        - { name: web, image: '127.0.0.1:1/no/such:v1' }
";

const REJECTED: &str = r"apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: { name: rejected }
components:
  - name: policy
    manifests: { files: [policy.yaml] }
";

/// Valid by its schema; but without Redis no global limit can be had.
const POLICY: &str = r"apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: e2e-limited, namespace: task-api }
spec:
  parentRefs: [{ name: task-api-gateway }]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /e2e-limited } }]
      backendRefs: [{ name: task-api, port: 8000 }]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: e2e-global, namespace: task-api }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: e2e-limited }]
  rateLimit:
    global:
      rules:
        - limit: { requests: 10, unit: Minute }
";

/// An image that nobody has.
pub(crate) fn of_an_image_that_is_not_there(s: &Sandbox, named: &[&str]) {
    part("an image that cannot be pulled");
    let stack = s.write("no-image/stack.yaml", NO_IMAGE);
    s.write("no-image/app.yaml", APP);
    let folder = stack.parent().unwrap();
    let up = s.tstack("e2e-reason", &[&["up", folder.to_str().unwrap()], named].concat());
    same("`up` ends with 4", &up.code, &Some(4));
    ends_early(&up);
    for (what, text) in [("the pod", "e2e-reason/app-"), ("the image", "127.0.0.1:1/no/such:v1"), ("the container", "web")] {
        holds(&format!("it names {what}"), up.stderr.contains(text), || up.all());
    }
    holds("and what to do", up.stderr.to_lowercase().contains("image") && hints(&up) > 0, || up.all());
    println!("{}", indented(&up.stderr));
    s.tstack("e2e-reason", &["down"]).well();
    std::fs::remove_dir_all(folder).unwrap();
}

/// A policy that the gateway's controller takes and then refuses.
pub(crate) fn of_a_rejected_policy(s: &Sandbox, named: &[&str]) {
    part("a policy that is rejected");
    let stack = s.write("rejected/stack.yaml", REJECTED);
    s.write("rejected/policy.yaml", POLICY);
    let folder = stack.parent().unwrap();
    let up = s.tstack("e2e-reject", &[&["up", folder.to_str().unwrap()], named].concat());
    same("`up` ends with 4", &up.code, &Some(4));
    ends_early(&up);
    holds("it names the policy", up.stderr.contains("BackendTrafficPolicy task-api/e2e-global"), || up.all());
    holds("with the controller's own words", up.stderr.contains("rate limit") || up.stderr.contains("RateLimit"), || up.all());
    println!("{}", indented(&up.stderr));
    s.tstack("e2e-reject", &["down"]).well();
    std::fs::remove_dir_all(folder).unwrap();
}

/// The deadline of a component is five minutes.
fn ends_early(up: &Said) {
    holds(&format!("after {:.0} s, far before the deadline", up.took.as_secs_f64()), up.took < Duration::from_secs(75), || up.all());
}

fn hints(up: &Said) -> usize {
    up.stderr.lines().filter(|line| line.starts_with("help:")).count()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| ["        | ", line, "\n"].concat()).collect()
}
