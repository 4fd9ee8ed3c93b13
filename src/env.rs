//! Every environment variable that tstack reads, and no other.
//!
//! Purpose: one place that reads the environment, so that all of it can be listed.
//! Reads: the environment. Writes: nothing.
//! Must not: be read by any room but cli and main; they hand the values on.
#![expect(clippy::disallowed_methods, reason = "the room that owns the environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment, as far as tstack knows it.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// `TSTACK_STATE`: the folder for state. Default `$XDG_STATE_HOME/tstack`, or `~/.local/state/tstack`.
    pub state: Option<PathBuf>,
    /// `TSTACK_CONFIG`: the configuration file. Default `$XDG_CONFIG_HOME/tstack/config.yaml`, or `~/.config/tstack/config.yaml`.
    pub config: Option<PathBuf>,
    /// `TSTACK_CACHE`: the folder for what can be had again. Default `$XDG_CACHE_HOME/tstack`, or `~/.cache/tstack`.
    pub cache: Option<PathBuf>,
    /// `TSTACK_SYSROOT`: the folder below which the system's trust store lies, for systems that are being made. Default `/`.
    pub sysroot: Option<PathBuf>,
    /// `KUBECONFIG`: used with `--context`, where `--kubeconfig` is not given, and with `--export-kubeconfig`, and nowhere else; the first file
    /// of the list.
    pub kubeconfig: Option<PathBuf>,
    /// `DOCKER_HOST`: the engine's address, as Docker's own client reads it.
    pub docker_host: Option<String>,
    /// `PATH`: where kind, helm, the programs of host mode, go and python3 are looked for.
    pub path: OsString,
    /// `XDG_RUNTIME_DIR`: where engines without root have their sockets.
    pub runtime: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capital or small letters: looked at before a cluster is made, since programs
    /// that tstack starts read them. Those that are set, by their names.
    pub proxies: BTreeMap<String, String>,
    /// `NO_COLOR`: set and not empty, no colour is used (no-color.org).
    pub no_color: bool,
    /// `CI`: set and not empty, no live view is drawn.
    pub ci: bool,
    /// `TERM`: `dumb` terminals get plain lines.
    pub term: Option<String>,
    /// `LC_ALL`, `LC_CTYPE`, `LANG`: the first that is set tells whether the terminal shows UTF-8.
    pub utf8: bool,
}

impl Env {
    /// Reads the environment.
    #[must_use]
    pub fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let below = |xdg: &str, default: &str| path(xdg).or_else(|| home.as_ref().map(|home| home.join(default)));
        Self {
            state: path("TSTACK_STATE").or_else(|| below("XDG_STATE_HOME", ".local/state").map(|p| p.join("tstack"))),
            config: path("TSTACK_CONFIG").or_else(|| below("XDG_CONFIG_HOME", ".config").map(|p| p.join("tstack/config.yaml"))),
            cache: path("TSTACK_CACHE").or_else(|| below("XDG_CACHE_HOME", ".cache").map(|p| p.join("tstack"))),
            sysroot: path("TSTACK_SYSROOT"),
            kubeconfig: std::env::var_os("KUBECONFIG")
                .and_then(|list| std::env::split_paths(&list).find(|p| !p.as_os_str().is_empty()))
                .or_else(|| home.as_ref().map(|home| home.join(".kube/config"))),
            docker_host: text("DOCKER_HOST"),
            path: std::env::var_os("PATH").unwrap_or_default(),
            runtime: path("XDG_RUNTIME_DIR"),
            home,
            proxies: ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
                .into_iter()
                .flat_map(|name| [name.to_owned(), name.to_ascii_lowercase()])
                .filter_map(|name| text(&name).map(|value| (name, value)))
                .collect(),
            no_color: text("NO_COLOR").is_some(),
            ci: text("CI").is_some(),
            term: text("TERM"),
            utf8: ["LC_ALL", "LC_CTYPE", "LANG"]
                .iter()
                .find_map(|name| text(name))
                .is_some_and(|value| value.to_ascii_uppercase().replace('-', "").contains("UTF8")),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_variable_is_documented() {
        let docs = include_str!("../docs/environment.md");
        let source = include_str!("env.rs");
        let names =
            source.split('"').skip(1).step_by(2).filter(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        let missing: Vec<&str> = names.filter(|name| *name != "UTF" && !docs.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/environment.md does not name {missing:?}");
    }
}
