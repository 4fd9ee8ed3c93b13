//! Ports of this machine: taken ones are told, or replaced by free ones that stay.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{Engine, Sandbox, rule};

/// A sandbox whose stack wants a port of its own choice, with a kind that makes nothing.
fn wanting(port: u16) -> Sandbox {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "ERROR", "exit": 1})), rule("kind delete", json!({}))]);
    let text = fs_err::read_to_string(sandbox.path("stack/stack.yaml")).unwrap();
    sandbox.write("stack/stack.yaml", text.replace("8080", &port.to_string()));
    sandbox
}

fn record(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_slice(&fs_err::read(sandbox.path(&format!("state/{name}/state.json"))).unwrap()).unwrap()
}

#[test]
fn a_port_that_is_taken_is_replaced_once_and_kept() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let sandbox = wanting(port);
    let planned = sandbox.run(&["plan", "./stack", "--port", "auto"]);
    assert!(planned.stderr.starts_with(&format!("Port {port} is taken by ")), "{planned:?}");
    assert!(!sandbox.path("state").exists(), "a plan writes nothing: {:?}", sandbox.files("state"));

    let said = sandbox.run(&["up", "./stack", "--port", "auto"]);
    assert_eq!(said.code, 4, "{said:?}");
    let recorded = record(&sandbox, "demo");
    let chosen = recorded["ports"]["httpPort"].as_u64().unwrap();
    assert!(chosen > u64::from(port) && recorded["hostPorts"] == json!([chosen]), "{recorded}");
    assert!(said.stderr.contains(&format!("httpPort is {chosen}, now and for as long as the stack stays.")), "{}", said.stderr);

    // whether it is asked for again or not, and nothing is said of it again
    for again in [&["up", "./stack"][..], &["up", "./stack", "--port", "auto"]] {
        let said = sandbox.run(again);
        assert_eq!((said.code, said.stderr.contains("is taken")), (4, false), "{said:?}");
        assert_eq!(record(&sandbox, "demo")["ports"]["httpPort"], json!(chosen));
    }
    let own = sandbox.run(&["up", "./stack", "--port", "stack"]);
    assert_eq!(own.code, 3, "{own:?}");
    assert!(own.stderr.contains(&format!("port {port} is taken by")) && own.stderr.contains("--port auto"), "{own:?}");
}

#[test]
fn a_port_that_the_user_names_is_not_chosen_for_them() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let sandbox = wanting(8080);
    let said = sandbox.run(&["up", "./stack", "--port", "auto", "--set", &format!("parameters.httpPort={port}")]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains(&format!("port {port} is taken by")), "{said:?}");
}

#[test]
fn several_at_once_take_different_ports_though_nobody_listens_yet() {
    let port = crate::support::free_port();
    let sandbox = wanting(port);
    let names = ["one", "two", "three", "four"];
    let all: Vec<_> = names.map(|name| sandbox.start(&["up", "./stack", "--name", name, "--port", "auto"])).into();
    for up in all {
        let said = up.end();
        assert_eq!(said.code, 4, "{said:?}");
    }
    let mut ports: Vec<u64> = names.iter().map(|name| record(&sandbox, name)["hostPorts"][0].as_u64().unwrap()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!((ports.len(), ports[0]), (names.len(), u64::from(port)), "{ports:?}");
}
