//! `plan` shows what `up` would do, and does nothing.

use crate::support::{Engine, Sandbox, root};

/// The shipped stack from its folder, with a stand-in for the program that goes into its image.
fn with_task_api() -> Sandbox {
    let mut sandbox = Sandbox::with_tools();
    Engine { has_images: false, ..Engine::default() }.start(&mut sandbox);
    let shipped = root().join("stacks/task-api");
    for file in [
        "stack.yaml",
        "manifests/namespace.yaml",
        "manifests/task-api.yaml",
        "manifests/gateway.yaml",
        "manifests/routes.yaml",
        "manifests/scaler.yaml",
    ] {
        sandbox.write(&format!("task-api/{file}"), fs_err::read(shipped.join(file)).unwrap());
    }
    for architecture in ["amd64", "arm64"] {
        sandbox.write(&format!("task-api/bin/linux-{architecture}/task-api"), "program");
    }
    sandbox
}

#[test]
fn the_plan_of_the_shipped_stack_names_every_step_with_its_cause() {
    let sandbox = with_task_api();
    let said = sandbox.run(&["plan", "./task-api"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    insta::with_settings!({filters => [("sha-[0-9a-f]{12}", "sha-[CONTENT]")]}, {
        insta::assert_snapshot!("plan", said.stdout);
    });
    assert_eq!(sandbox.files("state"), [] as [String; 0], "it was only looked at");
    assert_eq!(sandbox.calls(), [] as [String; 0]);
}

#[test]
fn exit_code_6_tells_that_there_is_something_to_do() {
    assert_eq!(with_task_api().run(&["plan", "./task-api", "--exit-code"]).code, 6);
}

#[test]
fn for_programs_a_plan_is_one_line_of_json() {
    let said = with_task_api().run(&["plan", "./task-api", "--output", "json"]);
    let line: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let steps = line["data"]["steps"].as_array().unwrap();
    assert_eq!((steps[0]["id"].as_str(), steps.len()), (Some("pull:docker.io/kindest/node:v1.34.4"), 62));
    assert_eq!(line["event"], "plan");
    assert_eq!(steps[1]["action"]["do"], "create-cluster");
}
