//! What we ship and what we generate runs with no right that it does not need. A manifest that is added without this fails here.

use serde_json::{Value, json};
use tstack::stack::{self, ComponentKind, Overrides};

use crate::support::Sandbox;

/// The pod of an object that makes pods.
fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => object.pointer("/spec"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template/spec"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            object.pointer("/spec/template/spec")
        }
        _ => None,
    }
}

/// What a pod may do beyond what it needs: the profile `restricted` of the Pod Security Standards, and no credentials for the API server.
fn too_much(pod: &Value) -> Vec<&'static str> {
    let mut all = Vec::new();
    let mut must = |holds: bool, what| {
        if !holds {
            all.push(what);
        }
    };
    must(pod["automountServiceAccountToken"] == false, "it gets a token of its ServiceAccount");
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        must(pod[key].is_null() || pod[key] == false, "it sees what is the node's");
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        must(volume.get("hostPath").is_none(), "it mounts a folder of the node");
    }
    for container in ["initContainers", "containers"].iter().filter_map(|key| pod[*key].as_array()).flatten() {
        // what a container does not say, its pod may
        let says = |key: &str| {
            let own = &container["securityContext"][key];
            if own.is_null() { &pod["securityContext"][key] } else { own }
        };
        must(says("runAsNonRoot") == true, "it may run as root");
        must(says("runAsUser").as_u64() != Some(0), "it runs as root");
        must(says("seccompProfile")["type"] == "RuntimeDefault", "it may use every system call");
        must(says("allowPrivilegeEscalation") == false, "it may get more rights than it begins with");
        must(says("privileged").is_null(), "it may do anything on the node");
        let capabilities = says("capabilities");
        must(capabilities["drop"] == json!(["ALL"]) && capabilities["add"].is_null(), "it has capabilities");
    }
    all
}

/// Whether every container of a pod has a root file system that it cannot write.
fn is_read_only(pod: &Value) -> bool {
    let containers = pod["containers"].as_array().unwrap();
    containers.iter().all(|container| container["securityContext"]["readOnlyRootFilesystem"] == true)
}

#[test]
fn every_pod_of_a_shipped_stack_has_the_least_rights_and_cannot_write_its_own_files() {
    let mut pods = 0;
    for name in stack::shipped() {
        let mut folder = stack::shipped_folder(name).unwrap();
        for architecture in ["amd64", "arm64"] {
            folder.files.entry(format!("bin/linux-{architecture}/{name}")).or_insert_with(|| b"program".to_vec());
        }
        let overrides = Overrides { architecture: "amd64".into(), ..Overrides::default() };
        let stack = stack::resolve(&folder, &overrides).unwrap_or_else(|e| panic!("{e}"));
        for component in &stack.components {
            let ComponentKind::Manifests(objects) = &component.kind else { continue };
            for object in objects {
                let roles = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];
                assert!(!roles.contains(&object.id.kind.as_str()), "{} of {name} gives rights in the cluster", object.id);
                let Some(pod) = pod(&object.value) else { continue };
                assert_eq!(too_much(pod), [] as [&str; 0], "{} of {name}", object.id);
                assert!(is_read_only(pod), "{} of {name} may write its own files", object.id);
                pods += 1;
            }
        }
    }
    assert!(pods >= 2, "{pods} pods were looked at");
}

#[test]
fn every_pod_that_a_template_makes_has_the_least_rights() {
    let sandbox = Sandbox::new();
    for template in tstack::generate::templates() {
        let mut texts = vec![sandbox.run(&["generate", template.name]).stdout];
        let folder = format!("out/{}", template.name);
        let made = sandbox.run(&["generate", template.name, "--stack", "-o", &folder]);
        assert_eq!(made.code, 0, "{made:?}");
        for file in sandbox.files(&folder).iter().filter(|file| file.rsplit('.').next() == Some("yaml") && *file != "stack.yaml") {
            texts.push(fs_err::read_to_string(sandbox.path(&format!("{folder}/{file}"))).unwrap());
        }
        let mut pods = 0;
        for text in &texts {
            for object in tstack::yaml::parse_each(text) {
                let object = object.unwrap_or_else(|e| panic!("{}: {e}", template.name));
                let Some(pod) = pod(&object) else { continue };
                let mut found = too_much(pod);
                // on their own machine people may try an image whose user is root; the profile `production` says no to it
                found.retain(|what| *what != "it may run as root");
                assert_eq!(found, [] as [&str; 0], "{} {} of {}", object["kind"], object["metadata"]["name"], template.name);
                pods += 1;
            }
        }
        assert!(pods >= 2, "{} pods of {} were looked at", pods, template.name);
    }
}

#[test]
fn a_pod_that_may_do_more_is_found() {
    let good = json!({
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
    });
    assert_eq!(too_much(&good), [] as [&str; 0]);
    let changes: [(&str, Value); 9] = [
        ("/automountServiceAccountToken", json!(true)),
        ("/securityContext/runAsNonRoot", json!(null)),
        ("/securityContext/seccompProfile", json!({"type": "Unconfined"})),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
        ("/containers/0/securityContext/capabilities", json!({"drop": ["ALL"], "add": ["NET_ADMIN"]})),
        ("/containers/0/securityContext/capabilities", json!({})),
        (
            "/containers/0/securityContext",
            json!({"privileged": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}),
        ),
        ("/containers/0/securityContext", json!({"runAsUser": 0, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})),
        ("/containers/0", json!({})),
    ];
    for (pointer, value) in changes {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert_ne!(too_much(&bad), [] as [&str; 0], "{pointer}");
    }
    for more in [json!({"hostNetwork": true}), json!({"volumes": [{"hostPath": {"path": "/"}}]})] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(too_much(&bad).len(), 1, "{more}");
    }
}
