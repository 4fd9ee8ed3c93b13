//! What is kept of a scenario that broke.

use std::path::{Path, PathBuf};

use super::Sandbox;

/// Copies logs, journals, pods, events and the engine's view into the folder for artifacts.
pub(crate) fn keep(sandbox: &Sandbox) {
    let root = std::env::var_os("TSTACK_E2E_ARTIFACTS").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e"), PathBuf::from);
    let to = root.join(sandbox.scenario);
    std::fs::remove_dir_all(&to).ok();
    std::fs::create_dir_all(&to).ok();
    sandbox.run("docker", &["ps", "--all", "--no-trunc"]);
    for name in sandbox.names() {
        let folder = sandbox.folder(&name);
        // no key and no kubeconfig goes into an artifact
        for file in ["journal.jsonl", "state.json", "forwarder.log", "forwarder.json"] {
            std::fs::copy(folder.join(file), to.join(format!("{name}-{file}"))).ok();
        }
        sandbox.tstack(&name, &["status"]);
        let kubeconfig = folder.join("kubeconfig");
        if kubeconfig.exists() {
            look(sandbox, &kubeconfig);
        }
    }
    for entry in std::fs::read_dir(sandbox.path()).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "kubeconfig") {
            look(sandbox, &entry.path());
        }
    }
    for entry in std::fs::read_dir(sandbox.log()).into_iter().flatten().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).ok();
    }
    println!("{}: what was seen is in {}", sandbox.scenario, to.display());
}

fn look(sandbox: &Sandbox, kubeconfig: &Path) {
    for args in [
        &["--request-timeout=10s", "get", "pods,deployments,jobs", "-A", "-o", "wide"][..],
        &["--request-timeout=10s", "get", "events", "-A", "--sort-by=.lastTimestamp"],
        &["--request-timeout=10s", "get", "gateways,httproutes,backendtrafficpolicies,certificates,scaledobjects", "-A", "-o", "yaml"],
        &["--request-timeout=10s", "describe", "pods", "-A"],
    ] {
        sandbox.kubectl_with(kubeconfig, args);
    }
}
