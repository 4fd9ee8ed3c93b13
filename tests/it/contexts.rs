//! The clusters of the user: nothing of them is asked or changed unless it is named, and what is of another machine only where that is meant.

use serde_json::{Value, json};

use crate::support::{Engine, Recorder, Said, Sandbox, free_port, rule};

/// A stack with something of each kind.
const STACK: &str = r#"
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
components:
- {name: web, manifests: {files: [web.yaml]}}
- {name: chart, helm: {chart: "oci://registry.example/charts/web", version: 1.2.3, namespace: web}}
- {name: tls, needs: [web], certificate: {namespace: web, secret: web-tls, commonName: localhost, dnsNames: [localhost], issuer: tstack}}
"#;

/// A kubeconfig whose current context is production, with a user whose credentials a program gives.
fn kubeconfig(server: &str, login: &str) -> String {
    format!(
        r#"apiVersion: v1
kind: Config
current-context: production
clusters:
- {{name: production, cluster: {{server: "{server}", insecure-skip-tls-verify: true}}}}
contexts:
- {{name: production, context: {{cluster: production, user: admin}}}}
users:
- name: admin
  user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: "{login}", interactiveMode: Never}}}}
"#
    )
}

/// A sandbox in which everything that could name a cluster names production, which the recorder plays.
fn hostile(engine: Engine, production: &Recorder) -> Sandbox {
    let mut sandbox = Sandbox::with_tools();
    sandbox.tool("login");
    sandbox.write("stack/stack.yaml", STACK);
    engine.start(&mut sandbox);
    // on loopback: no look at its address saves it
    let server = format!("https://127.0.0.1:{}", production.port);
    let text = kubeconfig(&server, &sandbox.path("bin/login").display().to_string());
    sandbox.write("users-kubeconfig", &text);
    sandbox.write("home/.kube/config", &text);
    let file = sandbox.path("users-kubeconfig").display().to_string();
    let (host, port) = ("127.0.0.1", production.port.to_string());
    for (name, value) in [
        ("KUBECONFIG", file.as_str()),
        ("KUBERNETES_MASTER", server.as_str()),
        ("KUBERNETES_SERVICE_HOST", host),
        ("KUBERNETES_SERVICE_PORT", port.as_str()),
        ("KUBE_RS_DEBUG_OVERRIDE_URL", server.as_str()),
        ("HELM_KUBEAPISERVER", server.as_str()),
        ("HELM_KUBECONTEXT", "production"),
        ("HELM_KUBETOKEN", "token"),
        ("HELM_DRIVER", "sql"),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

/// Content, time and number of a file: whoever writes it, were it with what it has, changes one of them.
fn stamp(sandbox: &Sandbox, file: &str) -> (Vec<u8>, std::time::SystemTime, u64) {
    let path = sandbox.path(file);
    let meta = fs_err::metadata(&path).unwrap();
    (fs_err::read(&path).unwrap(), meta.modified().unwrap(), std::os::unix::fs::MetadataExt::ino(&meta))
}

/// Runs the lines; afterwards nobody has been to production, its kubeconfigs are as they were, and no program could have found it.
fn nobody_goes_to_production(engine: Engine, before: &[(&str, Vec<u8>)], script: &[Value], lines: &[&[&str]]) -> Vec<Said> {
    let production = Recorder::start();
    let sandbox = hostile(engine, &production);
    for (file, content) in before {
        sandbox.write(file, content);
    }
    sandbox.script(script);
    let files = ["users-kubeconfig", "home/.kube/config"];
    let stamps = files.map(|file| stamp(&sandbox, file));
    let said: Vec<Said> = lines.iter().map(|line| sandbox.run(line)).collect();
    assert_eq!(production.connections(), 0, "{said:?}");
    assert_eq!(files.map(|file| stamp(&sandbox, file)), stamps);
    assert_eq!(sandbox.files("home"), [".kube/config"], "no lock and no cache beside it");
    for (line, env) in sandbox.environments() {
        let given = env["KUBECONFIG"].as_str().unwrap_or_default();
        assert!(given == "/dev/null" || given.starts_with("[BOX]/state/demo/"), "`{line}` sees {given}");
        assert!(!line.starts_with("login"), "no program gave credentials of production");
        if line.starts_with("helm") && !line.starts_with("helm version") {
            for name in ["HELM_KUBEAPISERVER", "HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_DRIVER", "KUBERNETES_SERVICE_HOST"] {
                assert_eq!(env.get(name), None, "`{line}`");
            }
        }
    }
    said
}

#[test]
fn a_production_context_gets_no_request_from_any_verb() {
    let failing = ["kind create", "helm pull", "helm show"].map(|when| rule(when, json!({"stderr": "ERROR: no\n", "exit": 1})));
    let port = format!("parameters.httpPort={}", free_port());
    let lines: &[&[&str]] = &[
        &["plan", "./stack"],
        &["up", "./stack"],
        &["plan", "./stack"],
        &["status", "--name", "demo"],
        &["verify", "--name", "demo"],
        &["timings", "--name", "demo"],
        &["timings", "--list", "--name", "demo"],
        &["pause", "--name", "demo"],
        &["resume", "--name", "demo"],
        &["snapshot", "list"],
        &["snapshot", "save", "--name", "demo"],
        &["snapshot", "restore", "./stack"],
        &["lint", "./stack"],
        &["explain", "TS210"],
        &["generate", "--list"],
        &["generate", "production-stack"],
        &["generate", "production-stack", "--check", "schema"],
        &["generate", "production-stack", "--check", "server", "--name", "demo"],
        &["generate", "production-stack", "--check", "live", "--name", "demo"],
        &["stacks"],
        &["schema"],
        &["completions", "bash"],
        &["man"],
        &["up", "task-api", "--name", "demo", "--set", &port],
        &["down", "--name", "demo"],
    ];
    let said = nobody_goes_to_production(Engine::default(), &[], &failing, lines);
    assert_eq!(said[1].code, 4, "kind and helm were called: {:?}", said[1]);
    assert_eq!(said.last().unwrap().code, 0, "{said:?}");
}

#[test]
fn nor_does_it_when_a_half_made_cluster_goes() {
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "running",
               "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
               "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": "/tstack.dev/owner/word"}]});
    let target = json!({"provider": "kind", "cluster": "tstack-demo", "owner": "word", "networkMade": false});
    let record = json!({"version": 1, "stack": "demo", "source": "./stack", "target": target, "created": "2026-01-01T00:00:00Z",
                        "identity": null, "verified": null});
    let engine = Engine { nodes: json!([node]), ..Engine::default() };
    let deletes = rule("kind delete cluster", json!({}));
    let before = [("state/demo/state.json", serde_json::to_vec(&record).unwrap())];
    nobody_goes_to_production(engine, &before, &[deletes], &[&["status"], &["down", "--name", "demo"]]);
}

#[test]
fn nor_when_the_kubeconfig_of_a_cluster_of_ours_is_fetched() {
    let mut place = Sandbox::with_tools();
    // the word depends on the folder: asked for in the sandbox that is used
    let production = Recorder::start();
    let folder = tstack::state::StateFolder::new(place.path("state"), "demo");
    let word = tstack::state::owner::new_word(&folder, &tstack::world::machine::name(), "an earlier run");
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "running",
               "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
               "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": tstack::state::owner::mark(&word)}]});
    Engine { nodes: json!([node]), ..Engine::default() }.start(&mut place);
    let text = kubeconfig(&format!("https://127.0.0.1:{}", production.port), "login");
    place.write("users-kubeconfig", &text);
    let file = place.path("users-kubeconfig").display().to_string();
    place.set("KUBECONFIG", &file);
    place.script(&[rule("kind get kubeconfig", json!({"stderr": "ERROR: no\n", "exit": 1}))]);
    place.run(&["status", "--name", "demo"]);
    let calls = place.environments();
    let fetched = calls.iter().find(|(line, _)| line.starts_with("kind get kubeconfig")).unwrap_or_else(|| panic!("{calls:?}"));
    assert_eq!(fetched.1["KUBECONFIG"], "/dev/null");
    assert_eq!(production.connections(), 0);
}

#[test]
fn a_context_that_is_named_is_asked() {
    // which also shows that the recorder records
    let production = Recorder::start();
    let sandbox = hostile(Engine::default(), &production);
    let said = sandbox.run(&["plan", "./stack", "--context", "production"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(sandbox.calls().iter().any(|line| line.starts_with("login")) || production.connections() > 0, "{said:?}");
}

#[test]
fn a_context_of_another_machine_is_refused_before_anybody_is_asked_anything() {
    let mut sandbox = Sandbox::with_tools();
    sandbox.tool("login");
    Engine::default().start(&mut sandbox);
    sandbox.write("config", kubeconfig("https://api.prod.example.com:6443", &sandbox.path("bin/login").display().to_string()));
    let config = sandbox.path("config").display().to_string();
    for verb in ["up", "plan"] {
        let said = sandbox.run(&[verb, "./stack", "--context", "production", "--kubeconfig", &config]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: the context `production` does not look like a cluster of this machine
                  its server is https://api.prod.example.com:6443
                  `api.prod.example.com` is no name of this machine, as `localhost` is, and what it leads to may change

                help: If it is the one that you mean: `tstack up --context production --allow-remote`.
                help: Without --context tstack makes a cluster of its own. That server was asked nothing.
                ");
        }
    }
    assert_eq!(sandbox.calls(), [] as [String; 0]);
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn a_context_that_was_allowed_and_leads_elsewhere_since_then_is_refused() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.write("config", kubeconfig("https://203.0.113.7:6443", "login"));
    let target = json!({"provider": "context", "kubeconfig": sandbox.path("config"), "context": "production"});
    let record = json!({"version": 1, "stack": "demo", "source": "./stack", "target": target, "created": "2026-01-01T00:00:00Z",
                        "identity": "uid", "verified": null, "remoteServer": "https://203.0.113.8:6443"});
    sandbox.write("state/demo/state.json", serde_json::to_vec(&record).unwrap());
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"], &["verify", "--name", "demo"], &["status", "--name", "demo"]] {
        // `up` without a word of where: what is recorded
        let line = [verb, if verb[0] == "up" { &["--provider", "auto"][..] } else { &[] }].concat();
        let said = sandbox.run(&line);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.stderr.contains("its server is https://203.0.113.7:6443"), "{said:?}");
        assert!(said.stderr.contains("tstack down --forget"), "{said:?}");
    }
    assert_eq!(sandbox.run(&["down", "--name", "demo", "--forget"]).code, 0);
    assert_eq!(sandbox.calls(), [] as [String; 0]);
}
