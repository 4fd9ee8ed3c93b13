//! The user's configuration: what holds for every stack on this machine.
//!
//! Purpose: mirrors and standing overrides, as people behind a company registry need them.
//! Reads: bytes it is given. Writes: nothing.
//! Must not: do I/O.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::failure::Failure;
use crate::world::registry::Mirrors;

/// The configuration file, `~/.config/tstack/config.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigFile {
    api_version: String,
    kind: String,
    /// Registry host, or `*` for all, and the address of its mirror.
    #[serde(default)]
    mirrors: BTreeMap<String, String>,
    /// Values that are set for every stack, as with `--set`.
    #[serde(default)]
    set: BTreeMap<String, String>,
    /// How the linter judges.
    #[serde(default)]
    lint: LintFile,
}

/// How the linter judges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LintFile {
    /// Rules by number or name, and `off`, `note`, `warning` or `error`.
    #[serde(default)]
    rules: BTreeMap<String, String>,
}

/// The configuration, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where registries are mirrored.
    pub mirrors: Mirrors,
    /// Path and value, before those of the command line.
    pub set: Vec<(String, String)>,
    /// Rules of the linter with their levels, `TS304=off`.
    pub rules: Vec<String>,
}

impl Config {
    /// Reads a configuration, and mirrors of the command line (`docker.io=http://127.0.0.1:5000`) over it.
    ///
    /// # Errors
    /// A usage failure with every finding.
    pub fn read(file: Option<(&str, &[u8])>, mirrors: &[String]) -> Result<Self, Failure> {
        let mut findings = Vec::new();
        let mut read = ConfigFile::default();
        let name = file.map_or("the command line", |(name, _)| name);
        if let Some((name, bytes)) = file {
            match parse(bytes) {
                Ok(file) => read = file,
                Err(why) => findings.push(format!("{name}: {why}")),
            }
        }
        for mirror in mirrors {
            match mirror.split_once('=') {
                Some((host, address)) => drop(read.mirrors.insert(host.to_owned(), address.to_owned())),
                None => {
                    findings.push(format!("--mirror {mirror}: it is written HOST=ADDRESS, such as docker.io=https://mirror.example.com"));
                }
            }
        }
        match Mirrors::parse(&read.mirrors) {
            Ok(mirrors) if findings.is_empty() => {
                let rules = read.lint.rules.iter().map(|(rule, level)| format!("{rule}={level}")).collect();
                Ok(Self { mirrors, set: read.set.into_iter().collect(), rules })
            }
            Ok(_) => Err(refused(findings)),
            Err(more) => {
                findings.extend(more.into_iter().map(|why| format!("{name}: {why}")));
                Err(refused(findings))
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<ConfigFile, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("it is not UTF-8 text ({e})"))?;
    let value = crate::yaml::parse(text).map_err(|e| e.to_string())?.to_value();
    let file: ConfigFile = serde_json::from_value(value).map_err(|e| e.to_string())?;
    match (file.api_version.as_str(), file.kind.as_str()) {
        ("tstack.dev/v1alpha1", "Config") => Ok(file),
        (version, kind) => Err(format!("it is `{version}` `{kind}`, not `tstack.dev/v1alpha1` `Config`")),
    }
}

fn refused(findings: Vec<String>) -> Failure {
    let failure = Failure::usage("the configuration is wrong").hint("The README's section on mirrors has an example.");
    findings.into_iter().fold(failure, Failure::why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file = b"apiVersion: tstack.dev/v1alpha1\nkind: Config\nmirrors: {'*': 'http://127.0.0.1:5000'}\nset: {cluster.image: a}\n";
        let config = Config::read(Some(("config.yaml", file)), &["*=https://mirror.example.com".into()]).unwrap();
        assert_eq!(config.set, [("cluster.image".to_owned(), "a".to_owned())]);
        let image = crate::stack::ImageRef::parse("nginx:1").unwrap();
        assert_eq!(config.mirrors.resolve(&image).unwrap().to_string(), "https://mirror.example.com");
    }

    #[test]
    fn every_finding_is_told_at_once() {
        let failure = Config::read(Some(("c.yaml", b"kind: Config\n")), &["nonsense".into()]).unwrap_err();
        assert_eq!(failure.why.len(), 2, "{failure:?}");
        let plain = Config::read(None, &["docker.io=http://mirror.example.com".into()]).unwrap_err();
        assert!(plain.why[0].contains("only accepted for this machine"), "{plain:?}");
    }
}
