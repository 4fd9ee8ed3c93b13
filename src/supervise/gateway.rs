//! Envoy Gateway: its configuration, its certificates, its launcher, and the resources that it reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use crate::failure::Failure;
use crate::host::MAIN_FILE;
use crate::stack::ObjectId;
use crate::world::files;
use crate::world::process::Command;

/// The ports that it listens on, on all interfaces: health, xDS, wasm. It cannot be told others.
pub(super) const PORTS: [u16; 3] = [8081, 18000, 18002];

/// Has it make its certificates, unless it has.
pub(super) async fn make_certificates(folder: &Folder, gateway: &Path) -> Result<(), Failure> {
    let config = folder.gateway("config");
    if !config.join("certs/envoy-gateway/tls.crt").exists() {
        let args: [OsString; 4] = ["certgen".into(), "--local".into(), "--config-home".into(), config.into()];
        Command::new(gateway).args(args).run(&CancellationToken::new(), &|_| ()).await?;
    }
    Ok(())
}

/// Writes what it needs before it is started.
pub(super) fn prepare(folder: &Folder, envoy_version: &str, tstack: &Path, admin: u16) -> Result<(), Failure> {
    let config = folder.gateway("config");
    let text = serde_json::to_vec_pretty(&configuration(folder, admin))
        .map_err(|e| Failure::internal("Envoy Gateway's configuration").because(&e))?;
    files::write_private(&config.join("envoy-gateway.yaml"), &text)?;
    let bin = folder.gateway("data").join("envoy-versions").join(envoy_version).join("bin");
    files::make_private_dir(&bin)?;
    let launcher = bin.join("envoy");
    files::write_private(&launcher, launcher_script(tstack, folder.state()).as_bytes())?;
    let runnable = std::fs::Permissions::from_mode(0o700);
    fs_err::set_permissions(&launcher, runnable).map_err(|e| Failure::step("cannot make the launcher runnable").because(&e))?;
    Ok(())
}

/// The arguments that it is started with.
pub(super) fn args(folder: &Folder) -> Vec<OsString> {
    vec!["server".into(), "--config-path".into(), folder.gateway("config").join("envoy-gateway.yaml").into()]
}

fn configuration(folder: &Folder, admin: u16) -> Value {
    let host = json!({
        "configHome": folder.gateway("config"), "dataHome": folder.gateway("data"),
        "stateHome": folder.gateway("state"), "runtimeDir": folder.gateway("run"),
    });
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        "provider": {
            "type": "Custom",
            "custom": {
                "resource": {"type": "File", "file": {"paths": [folder.resources()]}},
                "infrastructure": {"type": "Host", "host": host},
            }
        },
        "admin": {"address": {"host": "127.0.0.1", "port": admin}},
        "logging": {"level": {"default": "info"}, "encoder": "JSON"},
        "telemetry": {"metrics": {"prometheus": {"disable": true}}},
        "extensionApis": {"enableBackend": true, "enableEnvoyPatchPolicy": true},
    })
}

/// What lies where Envoy Gateway looks for Envoy.
fn launcher_script(tstack: &Path, state: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
    format!("#!/bin/sh\nexec {} proxy --state {} -- \"$@\"\n", quoted(tstack), quoted(state))
}

/// The files without the marker: two of the same content are one to Envoy Gateway.
pub(super) type Content = BTreeMap<String, Vec<Value>>;

/// Takes the marker out of the files.
pub(super) fn without_marker(files: &Content, marker: Option<&ObjectId>) -> Content {
    let keep = |documents: &Vec<Value>| documents.iter().filter(|document| Some(&ObjectId::of(document)) != marker).cloned().collect();
    files.iter().map(|(name, documents)| (name.clone(), keep(documents))).collect()
}

/// Writes the files; the one with the marker last, each whole.
pub(super) fn write(folder: &Folder, files: &Content, marker: Option<(&ObjectId, &str)>) -> Result<(), Failure> {
    let resources = folder.resources();
    let entries = fs_err::read_dir(&resources).map_err(|e| Failure::step("cannot list what Envoy Gateway reads").because(&e))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !files.contains_key(&*name.to_string_lossy()) && !name.to_string_lossy().starts_with('.') {
            fs_err::remove_file(entry.path()).map_err(|e| Failure::step("cannot take a file from Envoy Gateway").because(&e))?;
        }
    }
    let (main, others): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| *name == MAIN_FILE);
    for (name, documents) in others.into_iter().chain(main) {
        let text: Vec<String> = documents.iter().map(|document| named(document, marker).to_string()).collect();
        files::write_private(&resources.join(name), text.join("\n---\n").as_bytes())?;
    }
    Ok(())
}

/// The document; the marker by its new name.
fn named(document: &Value, marker: Option<(&ObjectId, &str)>) -> Value {
    let mut document = document.clone();
    if let Some((_, name)) = marker.filter(|(id, _)| ObjectId::of(&document) == **id) {
        document["metadata"]["name"] = json!(name);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_quote_in_it_stays_one_word() {
        let script = launcher_script("/opt/it's/tstack".as_ref(), "/s".as_ref());
        assert_eq!(script, "#!/bin/sh\nexec '/opt/it'\\''s/tstack' proxy --state '/s' -- \"$@\"\n");
    }

    #[test]
    fn files_are_whole_and_those_that_are_no_more_are_gone() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::new(state.path());
        folder.make().unwrap();
        let route = |name: &str| json!({"apiVersion": "v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "demo"}});
        let files: Content = [(MAIN_FILE.to_owned(), vec![route("r"), route("marker")]), ("b.yaml".to_owned(), vec![route("x")])].into();
        let marker = ObjectId::of(&route("marker"));
        write(&folder, &files, Some((&marker, "marker-7"))).unwrap();
        let text = fs_err::read_to_string(folder.resources().join(MAIN_FILE)).unwrap();
        assert!(text.contains("\"marker-7\"") && text.contains("\n---\n"), "{text}");
        assert_eq!(without_marker(&files, Some(&marker))[MAIN_FILE], [route("r")]);

        write(&folder, &[(MAIN_FILE.to_owned(), Vec::new())].into(), None).unwrap();
        assert_eq!(fs_err::read_dir(folder.resources()).unwrap().count(), 1);
    }
}
