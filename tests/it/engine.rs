//! The container engine: absent, forbidden, too old, too small; and clusters in it that are not ours.

use std::net::TcpListener;

use serde_json::json;
use tstack::state::owner;

use crate::support::{Engine, Sandbox, free_port, rule};

fn up(sandbox: &Sandbox, args: &[&str]) -> crate::support::Said {
    let port = format!("parameters.httpPort={}", free_port());
    sandbox.run(&[&["up", "./stack", "--set", &port], args].concat())
}

/// Nothing was made: no record, and no program was asked to do anything.
#[track_caller]
fn untouched(sandbox: &Sandbox) {
    assert_eq!(sandbox.calls(), [] as [String; 0]);
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn without_an_engine_every_place_that_was_tried_is_named() {
    let mut sandbox = Sandbox::with_tools();
    let given = up(&sandbox, &[]);
    untouched(&sandbox);
    insta::assert_snapshot!(given.failure(), @r"
        exit 3
        error: no container engine is running
          unix://[BOX]/no-engine.sock: no such socket

        help: Start it with `sudo systemctl start docker`, or install one: https://docs.docker.com/engine/install/
        help: The address comes from DOCKER_HOST or the current Docker context; correct it where it is wrong.
        ");
    sandbox.set("DOCKER_HOST", "tcp://192.0.2.1:2375");
    insta::assert_snapshot!(up(&sandbox, &[]).failure(), @r"
        exit 3
        error: the container engine at tcp://192.0.2.1:2375 is not used
          DOCKER_HOST or the current Docker context points to an engine that is reached over the network: the ports of a cluster there would not be on this machine's 127.0.0.1

        help: Unset DOCKER_HOST or choose a local context with `docker context use default`, or run tstack on that machine.
        ");
}

#[test]
fn an_engine_that_we_may_not_use_is_told_as_such() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        eprintln!("not tested: root may use every socket (the unit tests of world::engine have the message)");
        return;
    }
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    fs_err::set_permissions(sandbox.path("engine.sock"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let said = up(&sandbox, &[]);
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("you may not use the container engine") && said.stderr.contains("usermod -aG docker"), "{said:?}");
}

#[test]
fn an_engine_that_is_too_old_is_named_with_its_version() {
    let mut sandbox = Sandbox::with_tools();
    Engine { api: "1.39", ..Engine::default() }.start(&mut sandbox);
    insta::assert_snapshot!(up(&sandbox, &[]).failure(), @r"
        exit 3
        error: the container engine at unix://[BOX]/engine.sock is too old
          it speaks API version 1.39; tstack needs 1.41, which came with Docker 20.10
          unix://[BOX]/engine.sock: API version 1.39

        help: Update Docker.
        ");
    untouched(&sandbox);
}

#[test]
fn a_cluster_of_the_name_that_somebody_else_made_is_left_alone() {
    let mut sandbox = Sandbox::with_tools();
    let node =
        json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "exited", "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"}});
    let engine = Engine { nodes: json!([node]), ..Engine::default() }.start(&mut sandbox);
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"]] {
        let said = sandbox.run(verb);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: there is a kind cluster `tstack-demo` that this tstack did not make
                  its nodes do not carry tstack's mark

                help: Choose another name with --name; nothing was changed.
                help: If it is no longer needed, `kind delete cluster --name tstack-demo` removes it.
                ");
        }
    }
    untouched(&sandbox);
    assert_eq!(engine.changes(), [] as [String; 0]);
}

#[test]
fn a_half_made_cluster_is_planned_anew_though_its_node_does_not_run() {
    let mut sandbox = Sandbox::with_tools();
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "exited", "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
               "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": "/tstack.dev/owner/word"}]});
    Engine { nodes: json!([node]), ..Engine::default() }.start(&mut sandbox);
    sandbox.write("state/demo/state.json", record(&json!(null)));
    let half_made = sandbox.run(&["plan", "./stack"]);
    insta::assert_snapshot!(half_made.stdout, @"
    1. remove the half-made cluster  (an earlier run was ended while it made it)
    2. make the cluster (Kubernetes v1.34.4)  (there is none)  <- 1
    3. wait until the node takes images  (the cluster is being made)  beside 2
    4. wait until the API server answers  (the cluster is being made)  <- 3  beside 2
    5. apply web (1 object)  (not there)  <- 4
    6. wait until web is ready  (it was just applied)  <- 4, 5
    ");
    sandbox.write("state/demo/state.json", record(&json!("uid")));
    insta::assert_snapshot!(sandbox.run(&["plan", "./stack"]).stdout, @r"
        1. start the stopped cluster  (its node does not run)
        2. apply web (1 object)  (not there)  <- 1
        3. wait until web is ready  (it was just applied)  <- 1, 2
        ");
}

#[test]
fn what_cannot_rest_is_told_before_anything_is_done() {
    let mut sandbox = Sandbox::with_tools();
    let engine = Engine::default().start(&mut sandbox);
    insta::assert_snapshot!(sandbox.run(&["pause", "--name", "demo"]).failure(), @r"
        exit 3
        error: there is no cluster `demo` to pause

        help: `tstack up --name demo` makes it.
        ");
    let context = json!({"provider": "context", "kubeconfig": "/k", "context": "production"});
    for (target, said) in [(json!({"provider": "host"}), "processes on this machine"), (context, "the cluster of context `production`")] {
        let record = json!({"version": 1, "stack": "demo", "source": "./stack", "target": target, "created": "2026-01-01T00:00:00Z",
                            "identity": null, "verified": null});
        sandbox.write("state/demo/state.json", serde_json::to_vec(&record).unwrap());
        for verb in ["pause", "resume"] {
            let refused = sandbox.run(&[verb, "--name", "demo"]);
            assert_eq!(refused.code, 3, "{refused:?}");
            assert!(refused.stderr.contains(said), "{refused:?}");
        }
    }
    assert_eq!(engine.changes(), [] as [String; 0]);
}

#[test]
fn a_paused_cluster_is_resumed_by_up_and_told_by_status() {
    let mut sandbox = Sandbox::with_tools();
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "paused", "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
               "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": "/tstack.dev/owner/word"}]});
    let engine = Engine { nodes: json!([node]), ..Engine::default() }.start(&mut sandbox);
    sandbox.write("state/demo/state.json", record(&json!("uid")));
    let plan = sandbox.run(&["plan", "./stack"]);
    assert_eq!(plan.stdout.lines().next(), Some("  1. resume the paused cluster  (its node is paused)"), "{plan:?}");
    let status = sandbox.run(&["status"]);
    assert_eq!(status.code, 4, "{status:?}");
    assert!(status.stdout.contains("tstack-demo (kind), paused"), "{status:?}");
    // it rests already
    assert_eq!(sandbox.run(&["pause"]).code, 0);
    assert_eq!(engine.changes(), [] as [String; 0]);
}

fn record(identity: &serde_json::Value) -> Vec<u8> {
    let target = json!({"provider": "kind", "cluster": "tstack-demo", "owner": "word", "networkMade": true});
    let record = json!({
        "version": 1, "stack": "demo", "source": "./stack", "target": target, "created": "2026-01-01T00:00:00Z",
        "identity": identity, "verified": null,
    });
    serde_json::to_vec(&record).unwrap()
}

#[test]
fn an_engine_that_is_too_small_is_told_all_at_once() {
    let mut sandbox = Sandbox::with_tools();
    let info = json!({"NCPU": 1, "MemTotal": 1_u64 << 30, "CgroupVersion": "2"});
    Engine { info, ..Engine::default() }.start(&mut sandbox);
    let said = up(&sandbox, &["--set", "cluster.minimum.cpus=4", "--set", "cluster.minimum.memory=4Gi"]);
    insta::assert_snapshot!(said.failure(), @r"
        exit 3
        error: 2 things are not as needed; nothing was changed
          the engine has 1 processor; the stack needs 4
          the engine has 1 GiB of memory; the stack needs 4 GiB

        help: Give the engine more, or try with --set cluster.minimum.cpus=1.
        help: Give the engine more (Docker Desktop: Settings, Resources).
        ");
    untouched(&sandbox);
}

#[test]
fn an_engine_whose_clock_is_days_off_is_told_with_all_else() {
    let mut sandbox = Sandbox::with_tools();
    let info = json!({"NCPU": 1, "MemTotal": 16_u64 << 30, "CgroupVersion": "2", "SystemTime": "2020-01-01T00:00:00.123456789Z"});
    Engine { info, ..Engine::default() }.start(&mut sandbox);
    let said = up(&sandbox, &["--set", "cluster.minimum.cpus=4"]);
    insta::with_settings!({filters => [(r"is \d+ days", "is [MANY] days")]}, {
        insta::assert_snapshot!(said.failure(), @r"
            exit 3
            error: 2 things are not as needed; nothing was changed
              the engine has 1 processor; the stack needs 4
              the engine's clock is [MANY] days behind this machine's

            help: Give the engine more, or try with --set cluster.minimum.cpus=1.
            help: Set both: `sudo timedatectl set-ntp true` here; an engine in a virtual machine takes the time of its host when it is restarted.
            ");
    });
    untouched(&sandbox);
}

#[test]
fn what_may_go_wrong_is_a_note_and_the_run_goes_on() {
    let mut sandbox = Sandbox::with_tools();
    let info = json!({"NCPU": 8, "MemTotal": 16_u64 << 30, "CgroupVersion": "1"});
    Engine { info, ..Engine::default() }.start(&mut sandbox);
    sandbox.set("HTTPS_PROXY", "http://me:hidden@proxy.example.com:3128");
    sandbox.script(&[rule("kind create", json!({"stderr": "ERROR: played\n", "exit": 1}))]);
    let said = up(&sandbox, &["--set", "cluster.image=kindest/node:v1.35.0", "--output", "json"]);
    assert_eq!(said.code, 4, "{said:?}");
    let events = said.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let notes: Vec<String> =
        events.filter(|event| event["event"] == "note").map(|event| event["text"].as_str().unwrap().to_owned()).collect();
    let told = |words: &str| notes.iter().any(|note| note.contains(words));
    assert!(told("the engine has control groups v1, and the node image is of Kubernetes 1.35: "), "{notes:#?}");
    assert!(told("HTTPS_PROXY is set (proxy.example.com:3128), and NO_PROXY leaves out localhost, 127.0.0.1, ::1: "), "{notes:#?}");
    assert!(told("Set `export NO_PROXY=localhost,127.0.0.1,::1 no_proxy=localhost,127.0.0.1,::1`."), "{notes:#?}");
    assert!(!format!("{said:?}").contains("hidden"), "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_too_full_is_told_with_what_is_free() {
    let mut sandbox = Sandbox::with_tools();
    let name = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let info =
        json!({"NCPU": 8, "MemTotal": 16_u64 << 30, "Name": name.trim(), "DockerRootDir": sandbox.path("home").display().to_string()});
    // the node image is yet to be pulled, which is what needs the disk
    Engine { info, has_images: false, ..Engine::default() }.start(&mut sandbox);
    let said = up(&sandbox, &["--set", "cluster.minimum.disk=9000Ti"]);
    insta::with_settings!({filters => [(r"has \S+ \S+ free", "has [FREE] free")]}, {
        insta::assert_snapshot!(said.failure(), @r"
            exit 3
            error: [BOX]/home has [FREE] free; the stack needs 8.7 PiB

            help: `docker system df` shows what the engine holds, `docker system prune` frees what nothing uses.
            ");
    });
    untouched(&sandbox);
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_is_taken_is_told_with_its_owner() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = sandbox.run(&["up", "./stack", "--set", &format!("parameters.httpPort={port}")]);
    let said = said.without(&format!("port {port}"), "port [PORT]").without(&std::process::id().to_string(), "[PID]");
    insta::with_settings!({filters => [(r"by \S+ \(process", "by [PROGRAM] (process")]}, {
        insta::assert_snapshot!(said.failure(), @r"
            exit 3
            error: port [PORT] is taken by [PROGRAM] (process [PID])

            help: See `ps -p [PID] -o args`; stop it, or choose another port.
            help: Take free ports with --port auto, or name one: a stack's ports are among its parameters, such as --set parameters.httpPort=8081.
            ");
    });
    untouched(&sandbox);
}

#[test]
fn a_port_that_a_container_has_is_told_with_the_container() {
    let mut sandbox = Sandbox::with_tools();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ports = json!([{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": port, "Type": "tcp"}]);
    let web = json!({"Id": "1", "Names": ["/web"], "State": "running", "Labels": {}, "Ports": ports});
    Engine { containers: json!([web]), ..Engine::default() }.start(&mut sandbox);
    let said = sandbox.run(&["up", "./stack", "--set", &format!("parameters.httpPort={port}")]);
    insta::assert_snapshot!(said.without(&format!("port {port}"), "port [PORT]").failure(), @r"
        exit 3
        error: port [PORT] is taken by the container web

        help: Stop it with `docker stop web`, or choose another port.
        help: Take free ports with --port auto, or name one: a stack's ports are among its parameters, such as --set parameters.httpPort=8081.
        ");
    untouched(&sandbox);
}

#[test]
fn what_cannot_be_known_before_the_first_step_is_no_failed_step() {
    let mut sandbox = Sandbox::with_tools();
    // a cluster that this very folder made, and whose record is lost
    let folder = tstack::state::StateFolder::new(sandbox.path("state"), "demo");
    let mark = owner::mark(&owner::new_word(&folder, &tstack::world::machine::name(), "an earlier run"));
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "running",
                      "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
                      "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": mark}]});
    Engine { nodes: json!([node]), ..Engine::default() }.start(&mut sandbox);
    sandbox.script(&[rule("kind get kubeconfig", json!({"stderr": "ERROR: could not locate any control plane nodes\n", "exit": 1}))]);
    insta::assert_snapshot!(up(&sandbox, &[]).failure(), @r"
        exit 3
        error: `kind get kubeconfig` ended with exit status 1
          ERROR: could not locate any control plane nodes
          $ [BOX]/bin/kind get kubeconfig --name tstack-demo
        ");
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn a_cluster_without_a_record_is_made_anew_where_kubeadm_never_began() {
    let mut sandbox = Sandbox::with_tools();
    let folder = tstack::state::StateFolder::new(sandbox.path("state"), "demo");
    let mark = owner::mark(&owner::new_word(&folder, &tstack::world::machine::name(), "an earlier run"));
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "running", "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
                      "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": mark}]});
    Engine { nodes: json!([node]), begun: false, ..Engine::default() }.start(&mut sandbox);
    let plan = sandbox.run(&["plan", "./stack"]);
    let first = "  1. remove the half-made cluster  (an earlier run was ended while it made it)";
    assert_eq!(plan.stdout.lines().next(), Some(first), "{plan:?}");
}
