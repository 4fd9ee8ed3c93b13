//! The kind program: makes and deletes clusters, and gives their kubeconfig. It never sees the user's kubeconfig.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::process::{Command, Said};
use crate::failure::Failure;

/// The kind program with the engine that it talks to.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The program.
    pub program: PathBuf,
}

/// A cluster to make.
#[derive(Clone, Debug)]
pub struct NewCluster<'a> {
    /// kind's name of it: `tstack-task-api`.
    pub name: &'a str,
    /// The node image, as the engine knows it.
    pub image: &'a str,
    /// Host port and node port.
    pub ports: &'a [(u16, u16)],
    /// Labels of the node.
    pub labels: &'a [(&'a str, &'a str)],
    /// A path in the node at which something is mounted, for no other end than that the engine tells it.
    pub mark: &'a str,
    /// A folder of patches for the pods of the control plane, where the engine can see this machine's files.
    pub patches: Option<&'a Path>,
    /// The host has cgroup v1, which the kubelet refuses by default since 1.35.
    pub cgroup_v1: bool,
}

/// Where the patches lie in a node; read by kubeadm once, when the cluster is made.
pub const PATCHES: &str = "/tstack.dev/kubeadm";

impl Kind {
    /// Makes a cluster. Its kubeconfig is written to `kubeconfig` only.
    ///
    /// # Errors
    /// What kind said; kind removes what it had made by then.
    pub async fn create(
        &self,
        cluster: &NewCluster<'_>,
        kubeconfig: &Path,
        cancel: &CancellationToken,
        on_line: &(dyn Fn(&str) + Sync),
    ) -> Result<Said, Failure> {
        self.command(kubeconfig)
            .args(["create", "cluster", "--name", cluster.name, "--image", cluster.image, "--config", "-"])
            .arg_path("--kubeconfig", kubeconfig)
            .stdin(config(cluster).to_string())
            .run(cancel, on_line)
            .await
    }

    /// Deletes a cluster: its containers with their volumes, and its entry in `kubeconfig`. One that is not there is no error.
    ///
    /// # Errors
    /// What kind said.
    pub async fn delete(&self, name: &str, kubeconfig: &Path, cancel: &CancellationToken) -> Result<Said, Failure> {
        self.command(kubeconfig).args(["delete", "cluster", "--name", name]).arg_path("--kubeconfig", kubeconfig).run(cancel, &|_| ()).await
    }

    /// The kubeconfig of a running cluster.
    ///
    /// # Errors
    /// What kind said, such as that there is no such cluster.
    pub async fn kubeconfig(&self, name: &str, cancel: &CancellationToken) -> Result<String, Failure> {
        // without a kubeconfig of its own, as every program: kind reads the cluster's from its node
        let said = Command::new(&self.program).args(["get", "kubeconfig", "--name", name]).run(cancel, &|_| ()).await?;
        Ok(said.stdout)
    }

    fn command(&self, kubeconfig: &Path) -> Command {
        // kind takes a lock beside the file that KUBECONFIG names: never the user's
        let command = Command::new(&self.program).env("KUBECONFIG", kubeconfig);
        // the kubeconfig lies in the state folder
        kubeconfig.parent().into_iter().fold(command, |command, folder| command.env(super::orphans::MARK, folder))
    }
}

impl Command {
    fn arg_path(self, flag: &str, path: &Path) -> Self {
        self.args([flag.into(), path.as_os_str().to_owned()])
    }
}

/// kind's configuration of a cluster; JSON is YAML.
fn config(cluster: &NewCluster<'_>) -> Value {
    let ports: Vec<Value> = cluster
        .ports
        .iter()
        // kind's default is 0.0.0.0
        .map(|(host, node)| json!({"containerPort": node, "hostPort": host, "listenAddress": "127.0.0.1", "protocol": "TCP"}))
        .collect();
    let labels: serde_json::Map<String, Value> = cluster.labels.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    // kind mounts this folder into every node itself: it is there wherever kind works
    let mark = json!({"hostPath": "/lib/modules", "containerPath": cluster.mark, "readOnly": true});
    let mounts: Vec<Value> = [mark]
        .into_iter()
        .chain(cluster.patches.map(|folder| json!({"hostPath": folder, "containerPath": PATCHES, "readOnly": true})))
        .collect();
    let mut config = json!({
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": [{"role": "control-plane", "labels": labels, "extraPortMappings": ports, "extraMounts": mounts}],
    });
    let mut patches = Vec::from(alone());
    if cluster.cgroup_v1 {
        patches.push(json!({"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", "failCgroupV1": false}));
    }
    if cluster.patches.is_some() {
        patches.extend(["v1beta3", "v1beta4"].map(|version| {
            json!({"kind": "InitConfiguration", "apiVersion": format!("kubeadm.k8s.io/{version}"), "patches": {"directory": PATCHES}})
        }));
    }
    config["kubeadmConfigPatches"] = patches.iter().map(Value::to_string).collect();
    config
}

/// Patches of what kubeadm makes, in its form (`--patches`): the name of a file, and its content. It passes over files that it does not know.
///
/// - Go's collector runs whenever the heap has doubled. An API server that starts and takes definitions doubles it again and again: of 41 s of
///   processor time in such a start 13 were the collector's. It may wait until the heap is as large as it gets anyway (0.9 GB, measured with
///   the default), which took 24 s in all, and gave definitions in two thirds of the time. `memory` is what the engine has, in bytes: where
///   there is more, a larger cluster is not held to the least.
/// - One DNS server is enough, where a second one would run on the same node. Nobody is told its address before it has been found ready, and
///   it is asked only every ten seconds: Envoy, which asks for its controller, came 10 s later.
/// - The others are asked whether they have started only after ten seconds, and then every ten.
#[must_use]
pub fn control_plane_patches(memory: u64) -> Vec<(String, String)> {
    let limit = (memory / 16).clamp(900 << 20, 2 << 30) >> 20;
    let collector = json!([{"name": "GOGC", "value": "400"}, {"name": "GOMEMLIMIT", "value": format!("{limit}MiB")}]);
    // as long as with kubeadm's own numbers, four minutes
    let started = json!({"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 240});
    let pods = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"].map(|name| {
        let mut container = json!({"name": name, "startupProbe": started});
        if name == "kube-apiserver" {
            container["env"] = collector.clone();
        }
        (name, json!({"spec": {"containers": [container]}}))
    });
    let dns = json!({"name": "coredns", "readinessProbe": {"periodSeconds": 1}});
    let dns = json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [dns]}}}});
    let all = pods.into_iter().chain([("corednsdeployment", dns)]);
    all.map(|(what, patch)| (format!("{what}+strategic.json"), patch.to_string())).collect()
}

/// Controllers of a lone node elect no leader: started again, they would wait 15 seconds for their own old lease. kind takes the patch
/// of that version of kubeadm's configuration that it writes: a map of arguments, or since Kubernetes 1.36 a list, which a patch
/// replaces, and which therefore repeats what kind has in it.
fn alone() -> [Value; 2] {
    let of = |version: &str, manager: Value, scheduler: Value| {
        json!({
            "kind": "ClusterConfiguration",
            "apiVersion": format!("kubeadm.k8s.io/{version}"),
            "controllerManager": {"extraArgs": manager},
            "scheduler": {"extraArgs": scheduler},
        })
    };
    let off = json!({"name": "leader-elect", "value": "false"});
    let provisioner = json!({"name": "enable-hostpath-provisioner", "value": "true"});
    [
        of("v1beta3", json!({"leader-elect": "false"}), json!({"leader-elect": "false"})),
        of("v1beta4", json!([provisioner, off]), json!([off])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_bound_to_loopback() {
        let (ports, labels) = ([(8080, 30080)], [("tstack.dev/name", "x")]);
        let cluster = NewCluster { name: "x", image: "i", ports: &ports, labels: &labels, mark: "/m", patches: None, cgroup_v1: false };
        let config = config(&cluster);
        assert_eq!(config.pointer("/nodes/0/extraPortMappings/0/listenAddress").unwrap(), "127.0.0.1");
        assert_eq!(config.pointer("/networking/apiServerAddress").unwrap(), "127.0.0.1");
        assert_eq!(config.pointer("/nodes/0/labels/tstack.dev~1name").unwrap(), "x");
        assert_eq!(config.pointer("/nodes/0/extraMounts/0/containerPath").unwrap(), "/m");
    }

    #[test]
    fn the_kubelet_is_told_of_cgroup_v1_only_where_it_is() {
        let patches = |cgroup_v1| {
            let cluster = NewCluster { name: "x", image: "i", ports: &[], labels: &[], mark: "/m", patches: None, cgroup_v1 };
            config(&cluster)["kubeadmConfigPatches"].to_string()
        };
        assert!(patches(true).contains("failCgroupV1") && !patches(false).contains("failCgroupV1"));
        assert!(patches(false).contains("leader-elect"));
    }

    #[test]
    fn kubeadm_is_told_of_patches_where_the_node_sees_them() {
        let new = |patches| NewCluster { name: "x", image: "i", ports: &[], labels: &[], mark: "/m", patches, cgroup_v1: false };
        let with = config(&new(Some(Path::new("/state/x/kubeadm"))));
        let mount = json!({"hostPath": "/state/x/kubeadm", "containerPath": PATCHES, "readOnly": true});
        assert_eq!(with.pointer("/nodes/0/extraMounts/1"), Some(&mount));
        assert!(with["kubeadmConfigPatches"].to_string().contains(PATCHES));
        assert!(!config(&new(None)).to_string().contains(PATCHES));
    }

    #[test]
    fn the_api_server_may_use_a_sixteenth_of_the_memory_but_never_less_than_it_needs_to_start() {
        let limit = |memory: u64| control_plane_patches(memory)[1].1.split("GOMEMLIMIT\",\"value\":\"").nth(1).unwrap().to_owned();
        assert!(limit(4 << 30).starts_with("900MiB"), "{}", limit(4 << 30));
        assert!(limit(24 << 30).starts_with("1536MiB"), "{}", limit(24 << 30));
        assert!(limit(256 << 30).starts_with("2048MiB"), "{}", limit(256 << 30));
    }
}
