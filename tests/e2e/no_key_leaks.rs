//! No key of a running stack is in anything that tstack said or wrote, but in the files that are for keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::{Sandbox, holds, part};

/// Searches the state folder, the home, and all that was said until now.
pub(crate) fn anywhere(s: &Sandbox, name: &str) {
    part("no key is where it does not belong");
    let folder = s.folder(name);
    let mut texts = BTreeMap::new();
    for place in [s.state(), s.home()] {
        read(&place, &mut texts);
    }
    let own: Vec<PathBuf> = ["ca.key", "kubeconfig"].map(|file| folder.join(file)).into();
    let mut keys = keys(s, name, &own);
    // the PEM of a private key ends with the public one, which the certificate has too
    let certificate = &texts[&folder.join("ca.crt")];
    holds("the certificate of the local CA is nothing else", !certificate.contains("PRIVATE"), String::new);
    keys.retain(|key| !certificate.contains(key));
    holds(&format!("there are {} texts to search for", keys.len()), keys.len() > 10, String::new);
    texts.retain(|path, _| !own.contains(path));
    // what tstack said; the scenario's own looks show Secrets
    let mut said = BTreeMap::new();
    read(&s.log(), &mut said);
    said.retain(|path, _| path.file_name().is_some_and(|file| file.to_string_lossy().contains("-tstack-")));
    holds(&format!("there are {} files and {} outputs to search in", texts.len(), said.len()), texts.len() > 5 && said.len() > 5, || {
        format!("{:#?}", texts.keys())
    });
    let found: Vec<&PathBuf> =
        texts.iter().chain(&said).filter(|(_, text)| keys.iter().any(|key| text.contains(key))).map(|(path, _)| path).collect();
    // the names alone: the message of this check is said too
    holds("none of them holds one", found.is_empty(), || format!("{found:#?}"));
}

/// Texts by which a key would be known: the lines of each key in PEM, and the forms in which Kubernetes has it.
fn keys(s: &Sandbox, name: &str, files: &[PathBuf]) -> Vec<String> {
    let mut keys = Vec::new();
    let mut add = |pem: &str| keys.extend(pem.lines().filter(|line| line.len() >= 32 && !line.starts_with("---")).map(str::to_owned));
    add(&std::fs::read_to_string(&files[0]).unwrap());
    let kubeconfig = std::fs::read_to_string(&files[1]).unwrap();
    let admin =
        kubeconfig.lines().find_map(|line| line.trim().strip_prefix("client-key-data:")).expect("kind writes the key into it").trim();
    add(admin);
    add(&String::from_utf8_lossy(&STANDARD.decode(admin).unwrap()));
    let secrets = s.kubectl(name, &["get", "secrets", "-A", "-o", "json"]).well();
    let secrets: Value = serde_json::from_str(&secrets.stdout).unwrap();
    for secret in secrets["items"].as_array().unwrap() {
        // Helm's own hold manifests, which are no secret
        let data = secret["data"].as_object().filter(|_| secret["type"] != "helm.sh/release.v1");
        for (_, value) in data.into_iter().flatten().filter(|(key, _)| key.rsplit('.').next() != Some("crt")) {
            let value = value.as_str().unwrap();
            add(value);
            add(&String::from_utf8_lossy(&STANDARD.decode(value).unwrap()));
        }
    }
    keys
}

/// Every file below a folder, as text.
fn read(folder: &Path, texts: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            read(&path, texts);
        } else if meta.is_file() {
            texts.insert(path.clone(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
        }
    }
}
