//! What lies in a snapshot beside the node's own state.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use base64::Engine as _;
use bytes::Bytes;

use crate::certs;
use crate::exec::steps::node::way_to_server;
use crate::failure::Failure;
use crate::snapshot::{BLUEPRINT, FOLDER};
use crate::world::engine::NodeTemplate;

/// Where it lies.
const SNAPSHOT: &str = "snapshot";
const CONTENTS: &str = "contents.json";

/// The kubelet ends when it comes before containerd, and is started anew a second later.
const KUBELET: &str = "[Unit]\nAfter=containerd.service tstack-services.service\n";

/// What is needed to make a cluster of a snapshot ours again. It holds keys.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Contents {
    /// The uid of `kube-system`.
    pub identity: String,
    /// What was made in the cluster, as the record has it.
    pub made: Value,
    /// The kubeconfig; the port in it is that of the saved cluster.
    pub kubeconfig: String,
    /// Certificate and key of the local CA.
    pub authority: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is needed before the node of a snapshot is made; it is in a label, which is read without a container.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Blueprint {
    /// The word with which the saved node was marked.
    pub word: String,
    /// The name of the saved node.
    pub node: String,
    /// How the node was made.
    pub template: NodeTemplate,
    /// The arguments of its kubelet, as their file has them.
    pub kubelet: String,
}

/// Files as they are written into a snapshot.
pub(super) struct Files(Vec<u8>);

impl Files {
    /// The files of a snapshot of a cluster whose API server has that service address.
    pub(super) fn of(contents: &Contents, service: Option<Ipv4Addr>) -> Result<Self, Failure> {
        let fail = |e: std::io::Error| Failure::internal("the snapshot's files cannot be packed").because(&e);
        let text = serde_json::to_vec(contents).map_err(|e| Failure::internal("the snapshot's files cannot be packed").because(&e))?;
        let mut archive = Archive(tar::Builder::new(Vec::new()));
        archive.folder("var/lib/kubelet").map_err(fail)?;
        let folder = format!("{}/{SNAPSHOT}", FOLDER.trim_start_matches('/'));
        archive.folder(&folder).map_err(fail)?;
        archive.file(&format!("{folder}/{CONTENTS}"), &text, 0o600).map_err(fail)?;
        let units = "etc/systemd/system";
        archive.folder(&format!("{units}/kubelet.service.d")).map_err(fail)?;
        archive.file(&format!("{units}/kubelet.service.d/20-tstack.conf"), KUBELET.as_bytes(), 0o644).map_err(fail)?;
        if let Some(service) = service {
            archive.file(&format!("{units}/tstack-services.service"), unit(service).as_bytes(), 0o644).map_err(fail)?;
            let wants = format!("{units}/multi-user.target.wants");
            archive.folder(&wants).map_err(fail)?;
            archive.link(&format!("{wants}/tstack-services.service"), "../tstack-services.service").map_err(fail)?;
        }
        archive.0.into_inner().map(Self).map_err(fail)
    }

    /// As an archive for the root of a container.
    pub(super) fn archive(self) -> Bytes {
        self.0.into()
    }
}

/// Leads to the API server before kube-proxy does: programs that do not find it end, and wait longer each time.
fn unit(service: Ipv4Addr) -> String {
    format!(
        "[Unit]\nDescription=The way to the API server until kube-proxy knows it\nBefore=kubelet.service\n\n[Service]\nType=oneshot\n\
         RemainAfterExit=yes\nExecStart=/bin/sh -c '{}'\n",
        way_to_server(service)
    )
}

struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    fn add(&mut self, path: &str, kind: tar::EntryType, mode: u32, content: &[u8], target: &str) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        if target.is_empty() { self.0.append_data(&mut header, path, content) } else { self.0.append_link(&mut header, path, target) }
    }

    fn folder(&mut self, path: &str) -> std::io::Result<()> {
        self.add(&format!("{path}/"), tar::EntryType::Directory, 0o755, &[], "")
    }

    fn file(&mut self, path: &str, content: &[u8], mode: u32) -> std::io::Result<()> {
        self.add(path, tar::EntryType::Regular, mode, content, "")
    }

    fn link(&mut self, path: &str, target: &str) -> std::io::Result<()> {
        self.add(path, tar::EntryType::Symlink, 0o777, &[], target)
    }
}

/// An archive of one file.
pub(super) fn one(name: &str, text: &str) -> Result<Bytes, Failure> {
    let mut archive = Archive(tar::Builder::new(Vec::new()));
    let packed = archive.file(name, text.as_bytes(), 0o644).and_then(|()| archive.0.into_inner());
    packed.map(Bytes::from).map_err(|e| Failure::internal(format!("{name} cannot be packed")).because(&e))
}

/// The one file of an archive.
pub(super) fn text_of(archive: &[u8]) -> std::io::Result<String> {
    let mut text = String::new();
    for entry in tar::Archive::new(archive).entries()? {
        std::io::Read::read_to_string(&mut entry?, &mut text)?;
    }
    Ok(text)
}

/// Where the contents lie in a container that was made from a snapshot.
pub(super) fn place() -> String {
    format!("{FOLDER}/{SNAPSHOT}/{CONTENTS}")
}

/// Reads the contents out of the engine's archive of them.
pub(super) fn read(archive: &[u8]) -> Result<Contents, Failure> {
    parsed(&text_of(archive).map_err(|e| broken(e.to_string()))?)
}

/// Reads the blueprint in the labels of a snapshot.
pub(super) fn blueprint(labels: &BTreeMap<String, String>) -> Result<Blueprint, Failure> {
    parsed(labels.get(BLUEPRINT).ok_or_else(|| broken("it does not say how its node was made".into()))?)
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    // the parser's own message might quote a key
    serde_json::from_str(text).map_err(|e| broken(format!("line {}, column {}", e.line(), e.column())))
}

fn broken(why: String) -> Failure {
    Failure::step("the snapshot cannot be read")
        .why(why)
        .hint("`tstack snapshot rm --all` removes it; `tstack up` then makes the cluster anew.")
}

/// The kubeconfig with another port of the API server.
pub(super) fn with_port(kubeconfig: &str, port: u16) -> String {
    let line = |line: &str| match line.split_once("server:") {
        Some((before, _)) => format!("{before}server: https://127.0.0.1:{port}\n"),
        None => format!("{line}\n"),
    };
    kubeconfig.lines().map(line).collect()
}

/// When the certificate in a kubeconfig ends. kubeadm makes all of a cluster for the same time.
pub(super) fn expiry(kubeconfig: &str) -> Result<Timestamp, Failure> {
    let fail = |why: &str| Failure::step("cannot tell how long the cluster's certificates are valid").why(why);
    let data = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("client-certificate-data:"));
    let data = data.ok_or_else(|| fail("its kubeconfig has no certificate"))?;
    let pem = base64::engine::general_purpose::STANDARD.decode(data.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    pem.and_then(|pem| certs::end_of(&pem)).ok_or_else(|| fail("the certificate in its kubeconfig cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_gets_the_port_of_the_restored_cluster() {
        let text = "clusters:\n- cluster:\n    server: https://127.0.0.1:40000\n  name: x\n";
        assert_eq!(with_port(text, 41000), "clusters:\n- cluster:\n    server: https://127.0.0.1:41000\n  name: x\n");
    }

    #[test]
    fn contents_come_out_as_they_were_written() {
        let contents =
            Contents { identity: "u".into(), made: serde_json::json!([]), kubeconfig: "k".into(), authority: Some((vec![1], vec![2])) };
        let files = Files::of(&contents, Some(Ipv4Addr::new(10, 96, 0, 1))).unwrap();
        let mut all = tar::Archive::new(files.0.as_slice());
        let entries = all.entries().unwrap().map(|entry| entry.unwrap());
        let mut seen = Vec::new();
        let mut found = None;
        for mut entry in entries {
            let path = entry.path().unwrap().display().to_string();
            if format!("/{path}") == place() {
                assert_eq!(entry.header().mode().unwrap(), 0o600, "it holds keys");
                let mut text = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
                found = Some(serde_json::from_slice::<Contents>(&text).unwrap());
            }
            seen.push(path);
        }
        assert!(found.is_some_and(|found| found == contents), "{seen:?}");
        assert!(seen.iter().any(|path| path.ends_with("multi-user.target.wants/tstack-services.service")), "{seen:?}");
    }

    #[test]
    fn a_broken_snapshot_quotes_nothing_of_what_it_holds() {
        let mut archive = Archive(tar::Builder::new(Vec::new()));
        archive.file(CONTENTS, b"{\"kubeconfig\": secret", 0o600).unwrap();
        let Err(failure) = read(&archive.0.into_inner().unwrap()) else { panic!("it was read") };
        assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
    }
}
