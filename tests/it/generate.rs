//! `tstack generate` as people use it: streams, folders, decisions, questions, checks.

use crate::support::Sandbox;

const SPEC: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: orders}
parameters: {limit: 60}
spec:
  workload: {image: 'example/orders:1.0.0'}
  routes: [{path: /orders}]
  rateLimit: {authenticated: '${limit}'}
";

#[test]
fn a_template_becomes_one_commented_stream() {
    let said = Sandbox::new().run(&["generate", "protected-route", "--set", "parameters.userLimit=50"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for words in ["kind: HTTPRoute", "kind: BackendTrafficPolicy", "requests: 50", "# "] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
}

#[test]
fn a_specification_comes_from_a_file_or_from_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write("service.yaml", SPEC);
    let file = sandbox.run(&["generate", "service.yaml", "--set", "spec.rateLimit.anonymous=3"]);
    assert_eq!(file.code, 0, "{}", file.stderr);
    assert!(file.stdout.contains("requests: 60") && file.stdout.contains("requests: 3"));
    let piped = sandbox.run_with(&["generate", "-", "--set", "spec.rateLimit.anonymous=3"], SPEC);
    assert_eq!(piped.stdout, file.stdout);
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("service.yaml", SPEC.replace("routes: [{path: /orders}]", "routes: [{path: /health}, {path: /b, version: v7}]"));
    insta::assert_snapshot!(sandbox.run(&["generate", "service.yaml", "-o", "out"]).failure(), @r#"
        exit 2
        error: service.yaml is not valid
          service.yaml:7:19: `/health` tells everybody how the service is doing
            |     routes: [{path: /health}, {path: /b, version: v7}]
            |                     ^
            |   hint: leave the route out (probes and Prometheus reach the pods directly), or add `auth` or `ipAllow`
          service.yaml:7:49: there is no version `v7`
            |     routes: [{path: /health}, {path: /b, version: v7}]
            |                                                   ^
            |   hint: did you mean `v1`?

        help: `tstack schema service` prints every field; docs/generate.md explains them.
        "#);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn what_is_not_there_says_what_there_is() {
    let sandbox = Sandbox::new();
    let all = [sandbox.run(&["generate", "basic"]), sandbox.run(&["generate", "none.yaml"]), sandbox.run(&["generate"])];
    insta::assert_snapshot!(all.map(|said| said.failure()).join("\n"), @r#"
        exit 2
        error: there is no template `basic`, and no file of that name
          templates are: autoscaled-service, basic-route, protected-route, production-stack

        help: `tstack generate --list` shows what each is for; `tstack generate --ask` makes a specification of answers.

        exit 2
        error: none.yaml does not exist

        exit 2
        error: the following required arguments were not provided:
          <SPEC>

        Usage: tstack generate <SPEC>

        For more information, try '--help'.
        "#);
}

#[test]
fn a_folder_is_written_whole_and_nothing_of_others_is_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("service.yaml", SPEC);
    let first = sandbox.run(&["generate", "service.yaml", "-o", "out"]);
    insta::assert_snapshot!(first.stderr, @r#"
        wrote out/10-namespace.yaml
        wrote out/20-workload.yaml
        wrote out/40-gateway.yaml
        wrote out/50-routes.yaml
        wrote out/60-traffic-policy.yaml
        next: kubectl apply --server-side -f ./out
        "#);
    assert_eq!((first.code, first.stdout.as_str()), (0, ""));
    let again = sandbox.run(&["generate", "service.yaml", "-o", "out"]);
    insta::assert_snapshot!(again.stderr, @r#"
        5 files as before
        next: kubectl apply --server-side -f ./out
        "#);
    sandbox.write("out/40-gateway.yaml", "mine");
    let refused = sandbox.run(&["generate", "service.yaml", "-o", "out", "--set", "parameters.limit=20"]);
    insta::assert_snapshot!(refused.failure(), @r#"
        exit 2
        error: out holds files that would be lost; nothing was written
          40-gateway.yaml: changed since tstack wrote it

        help: Choose another folder, or give --force to replace them.
        "#);
    let forced = sandbox.run(&["generate", "service.yaml", "-o", "out", "--set", "parameters.limit=20", "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
}

#[test]
fn a_stack_folder_can_be_planned() {
    let sandbox = Sandbox::new();
    let made = sandbox.run(&["generate", "production-stack", "--stack", "-o", "demo"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stderr.ends_with("next: tstack up ./demo\n"), "{}", made.stderr);
    assert_eq!(
        sandbox.files("demo"),
        [
            ".tstack-generated",
            "bin/linux-amd64/task-api",
            "manifests/gateway-class.yaml",
            "manifests/gateway.yaml",
            "manifests/namespace.yaml",
            "manifests/routes.yaml",
            "manifests/scaler.yaml",
            "manifests/workload.yaml",
            "stack.yaml"
        ]
    );
}

#[test]
fn decisions_name_the_field_and_the_reason() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(&["generate", "basic-route", "--explain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
    let json = sandbox.run(&["generate", "basic-route", "--output", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let text = value.to_string();
    assert!(text.contains("\"decisions\":[{\"tree\"") && text.contains("\"kind\":\"HTTPRoute\""), "{text}");
}

#[test]
fn the_templates_are_listed_for_people_and_for_programs() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["generate", "--list"]).stdout;
    for words in ["basic-route", "protected-route", "autoscaled-service", "production-stack", "userLimit", "requests a minute of each user"]
    {
        assert!(list.contains(words), "{words}\n{list}");
    }
    let json: serde_json::Value = serde_json::from_str(&sandbox.run(&["generate", "--list", "--output", "json"]).stdout).unwrap();
    assert!(json.to_string().contains("\"default\":100"), "{json}");
}

#[test]
fn answers_from_a_pipe_become_a_specification() {
    let sandbox = Sandbox::new();
    // name, what for, profile, deployed, image, port, readiness; then a worker that follows Kafka
    let answers = "shop\n?\n\n\n\nexample/shop:2\n\nback\n8080\n\nno\n\n\n0\n5\n\n\n\n";
    let said = sandbox.run_with(&["generate", "--ask", "-o", "service.yaml"], answers);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    assert!(
        said.stderr.contains("It stands at the head") && said.stderr.ends_with("Wrote service.yaml. Next: tstack generate service.yaml\n")
    );
    let generated = sandbox.run(&["generate", "service.yaml"]);
    assert!(generated.stdout.contains("kind: ScaledObject") && generated.stdout.contains("maxReplicaCount: 5"), "{}", generated.stdout);
    let again = sandbox.run_with(&["generate", "--ask", "-o", "service.yaml"], answers);
    assert_eq!(again.failure().lines().nth(1), Some("error: service.yaml is there already"));
}

#[test]
fn answers_that_end_early_write_nothing() {
    let sandbox = Sandbox::new();
    let said = sandbox.run_with(&["generate", "--ask", "-o", "service.yaml"], "shop\n");
    assert_eq!(said.code, 130);
    assert!(said.stderr.contains("the answers ended before the questions did; nothing was written"), "{}", said.stderr);
    assert!(!sandbox.path("service.yaml").exists());
}

#[test]
fn the_schema_check_needs_no_cluster() {
    let sandbox = Sandbox::new();
    let good = sandbox.run(&["generate", "production-stack", "--check", "schema"]);
    assert_eq!(good.code, 0, "{}\n{}", good.stdout, good.stderr);
    assert!(good.stdout.contains("0 refused, by the schemas of the pinned versions and the linter"), "{}", good.stdout);
    let json = sandbox.run(&["generate", "basic-route", "--check", "schema", "--output", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(value.to_string().contains("\"object\":\"Gateway task-api/task-api-gateway\""), "{value}");
}

#[test]
fn the_schema_of_specifications_is_the_committed_one() {
    let said = Sandbox::new().run(&["schema", "service"]);
    let committed = fs_err::read_to_string(crate::support::root().join("stacks/service.schema.json")).unwrap();
    assert_eq!(said.stdout, committed);
}
