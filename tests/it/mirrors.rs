//! Mirrors that are none, or that serve something else.

use serde_json::json;

use crate::support::{Answer, Engine, Sandbox, free_port, registry};

const PIN: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// `up` of the small stack with one image that the engine does not have, through a mirror.
fn up(image: &str, mirror: &str) -> (Sandbox, String) {
    let mut sandbox = Sandbox::with_tools();
    let stack = fs_err::read_to_string(sandbox.path("stack/stack.yaml")).unwrap();
    sandbox.write("stack/stack.yaml", stack.replace("{name: web,", &format!("{{name: web, images: ['{image}'],")));
    Engine { has_images: false, info: json!({}), ..Engine::default() }.start(&mut sandbox);
    let port = format!("parameters.httpPort={}", free_port());
    let said = sandbox.run(&["up", "./stack", "--set", &port, "--mirror", &format!("*={mirror}")]);
    let text = said.without(mirror.trim_start_matches("http://"), "[MIRROR]").failure();
    assert!(!sandbox.path("state").exists() && sandbox.calls().is_empty(), "something was touched");
    (sandbox, text)
}

#[test]
fn what_answers_404_to_everything_is_no_registry() {
    let mirror = registry(|_| (404, String::new(), "<html>not here</html>".into()));
    insta::assert_snapshot!(up("docker.io/library/nginx:1", &mirror).1, @r"
        exit 3
        error: http://[MIRROR] is not a container registry
          GET /v2/ was answered with 404 Not Found: <html>not here</html>

        help: Correct the mirror's address, or start the registry there.
        ");
}

#[test]
fn a_mirror_that_nobody_serves_is_named() {
    let mirror = format!("http://127.0.0.1:{}", free_port());
    let text = up("docker.io/library/nginx:1", &mirror).1;
    insta::assert_snapshot!(text.replace("(os error 61)", "(os error 111)"), @r"
        exit 3
        error: the mirror http://[MIRROR] does not answer
          GET /v2/: cannot connect to [MIRROR]: Connection refused (os error 111)

        help: Start the registry there, or correct the mirror's address.
        ");
}

#[test]
fn a_mirror_with_other_content_than_is_pinned_is_refused_before_the_pull() {
    fn answer(request: &str) -> Answer {
        let digest = format!("docker-content-digest: {}\r\n", PIN.replace('1', "2"));
        if request == "GET /v2/" { (200, String::new(), "{}".into()) } else { (200, digest, "{}".into()) }
    }
    insta::assert_snapshot!(up(&format!("docker.io/library/nginx:1@{PIN}"), &registry(answer)).1, @r"
        exit 3
        error: http://[MIRROR] serves another docker.io/library/nginx than is pinned
          pinned sha256:1111111111111111111111111111111111111111111111111111111111111111, served sha256:2222222222222222222222222222222222222222222222222222222222222222

        help: Refresh the mirror, or correct the digest in the stack file.
        ");
}
