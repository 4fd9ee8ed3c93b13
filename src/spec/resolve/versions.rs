//! Versions, what runs in them, and how requests are shared between them.

use super::super::file::{HeaderValue, SplitFile, Strategy, VersionFile, WorkloadFile};
use super::super::model::{Backend, Split, Version, Workload};
use super::Context;
use crate::input::{quantity, suggest};

impl Context<'_> {
    pub(super) fn versions(&mut self) -> Vec<Version> {
        let service = self.file.service.as_deref().unwrap_or(self.name);
        let one = [VersionFile {
            name: "v1".into(),
            service: None,
            port: None,
            image: None,
            replicas: None,
            env: std::collections::BTreeMap::default(),
            weight: None,
        }];
        let files: &[VersionFile] = if self.file.versions.is_empty() { &one } else { &self.file.versions };
        let mut all: Vec<Version> = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let at = format!("/versions/{index}");
            let made = if index == 0 { service.to_owned() } else { format!("{service}-{}", file.name) };
            let name = file.service.clone().unwrap_or(made);
            if name.len() > 63 {
                self.wrong(
                    &format!("{at}/name"),
                    format!("its Service would be called `{name}`, more than 63 characters"),
                    "give it a `service`",
                );
            }
            if all.iter().any(|v| v.name == file.name) {
                self.wrong(
                    &format!("{at}/name"),
                    format!("the version `{}` is given twice", file.name),
                    "give each version a name of its own",
                );
            } else if all.iter().any(|v| v.service == name) {
                let hint = "requests to it would be shared with the other version's pods: give it a `service` of its own";
                self.wrong(&at, format!("the version `{}` has the same Service, `{name}`, as another", file.name), hint);
            }
            let port = file.port.unwrap_or(self.file.port);
            let workload = self.file.workload.as_ref().map(|workload| self.workload(workload, file, port, &at));
            if workload.is_none() {
                for (key, given) in [("image", file.image.is_some()), ("replicas", file.replicas.is_some()), ("env", !file.env.is_empty())]
                {
                    if given {
                        self.needs_workload(&format!("{at}/{key}"), key);
                    }
                }
            }
            all.push(Version { name: file.name.clone(), service: name, port, workload });
        }
        if let Some(workload) = &self.file.workload {
            self.program(workload);
        }
        all
    }

    pub(super) fn needs_workload(&mut self, pointer: &str, key: &str) {
        let hint = "add `workload` with its image, or leave this out";
        self.wrong_key(pointer, format!("`{key}` is for a program that is deployed, and there is no `workload`"), hint);
    }

    fn workload(&mut self, file: &WorkloadFile, version: &VersionFile, port: u16, at: &str) -> Workload {
        let readiness = file.readiness.clone().or_else(|| {
            let active = self.file.health_check.as_ref().and_then(|h| h.active.as_ref());
            active.map(|a| a.path.clone())
        });
        let readiness = readiness.unwrap_or_else(|| "/health".into());
        let mut env = file.env.clone();
        env.extend(version.env.clone());
        if let Some(image) = &version.image {
            self.image(image, &format!("{at}/image"));
        }
        Workload {
            image: version.image.clone().unwrap_or_else(|| file.image.clone()),
            pull_policy: file.pull_policy,
            replicas: Some(version.replicas.or(file.replicas).unwrap_or(if self.is_production() { 2 } else { 1 })),
            port: file.port.unwrap_or(port),
            args: file.args.clone(),
            env,
            env_secrets: file.env_secrets.clone(),
            resources: file.resources.clone(),
            liveness: file.liveness.clone().unwrap_or_else(|| readiness.clone()),
            readiness,
            metrics: file.metrics.clone(),
        }
    }

    fn program(&mut self, file: &WorkloadFile) {
        self.image(&file.image, "/workload/image");
        if quantity(&file.resources.memory) > quantity(&file.resources.memory_limit) {
            let message = format!("a pod asks for {} of memory and may use {}", file.resources.memory, file.resources.memory_limit);
            self.wrong("/workload/resources/memory", message, "make `memoryLimit` as large as `memory` or larger");
        }
        if self.is_production() && file.replicas == Some(1) {
            let hint = "leave `replicas` out for 2, or give more";
            self.wrong("/workload/replicas", "one pod serves nobody while it restarts; profile `production` has at least 2", hint);
        }
    }

    fn image(&mut self, image: &str, pointer: &str) {
        let last = image.rsplit('/').next().unwrap_or(image);
        match last.split_once(':') {
            _ if image.contains('@') => {}
            None => self.warn(pointer, format!("`{image}` has no tag: what runs changes without a word"), "name the version: `…:1.2.3`"),
            Some((_, "latest")) => self.warn(pointer, "`latest` is another image tomorrow", "name the version: `…:1.2.3`"),
            Some(_) => {}
        }
    }

    /// The name of a version that exists, or a finding.
    pub(super) fn known_version(&mut self, name: &str, versions: &[Version], pointer: &str) -> bool {
        let known = versions.iter().any(|v| v.name == name);
        if !known {
            let names = versions.iter().map(|v| v.name.as_str());
            let hint = suggest(name, names, "versions").unwrap_or_else(|| "add it to `versions`".into());
            self.wrong(pointer, format!("there is no version `{name}`"), hint);
        }
        known
    }

    pub(super) fn split(&mut self, versions: &[Version]) -> Option<Split> {
        let file = self.file.split.as_ref()?;
        if versions.len() < 2 {
            self.wrong_key("/split", "a split needs two versions", "add the candidate to `versions`");
            return None;
        }
        for index in 0..self.file.versions.len() {
            if self.file.versions[index].weight.is_some() {
                let hint = "keep one of the two";
                self.wrong_key(&format!("/versions/{index}/weight"), "`weight` and `split` both say how requests are shared", hint);
            }
        }
        let stable = file.stable.clone().unwrap_or_else(|| versions[0].name.clone());
        let other = versions.iter().find(|v| v.name != stable).map(|v| v.name.clone());
        let candidate = file.candidate.clone().or(other).unwrap_or_default();
        let known = self.known_version(&stable, versions, "/split/stable");
        if !(self.known_version(&candidate, versions, "/split/candidate") && known) {
            return None;
        }
        if stable == candidate {
            self.wrong("/split", format!("`{stable}` is both the stable version and the candidate"), "name two versions");
        }
        Some(Split { strategy: file.strategy, percent: self.percent(file), header: self.split_header(file), stable, candidate })
    }

    fn percent(&mut self, file: &SplitFile) -> u32 {
        match (file.strategy, file.percent) {
            (Strategy::Ab, Some(_)) => {
                self.wrong_key("/split/percent", "`ab` shares requests by a header and not by percent", "leave it out, or use `canary`");
                0
            }
            (Strategy::BlueGreen, Some(percent)) if percent != 0 && percent != 100 => {
                self.wrong(
                    "/split/percent",
                    format!("`blueGreen` is all or none, found {percent}"),
                    "use 0 or 100, or the strategy `canary`",
                );
                0
            }
            (Strategy::Canary, percent) => percent.unwrap_or(10),
            (_, percent) => percent.unwrap_or(0),
        }
    }

    fn split_header(&mut self, file: &SplitFile) -> Option<HeaderValue> {
        if file.strategy != Strategy::Ab {
            if file.header.is_some() {
                self.wrong_key("/split/header", "a header is for the strategy `ab` alone", "leave it out, or use `ab`");
            }
            return None;
        }
        let default = || HeaderValue { name: "x-beta-user".into(), value: "true".into() };
        Some(file.header.clone().unwrap_or_else(default))
    }

    /// Where requests go that name no version themselves.
    pub(super) fn default_backends(&mut self, versions: &[Version], split: Option<&Split>) -> Vec<Backend> {
        let of = |version: &Version, weight| Backend {
            version: Some(version.name.clone()),
            service: version.service.clone(),
            port: version.port,
            weight,
        };
        if let Some(split) = split.filter(|split| split.strategy != Strategy::Ab) {
            let weight = |version: &Version| if version.name == split.candidate { split.percent } else { 100 - split.percent };
            let both = versions.iter().filter(|v| v.name == split.stable || v.name == split.candidate);
            return both.map(|v| of(v, weight(v))).collect();
        }
        if let Some(split) = split {
            return versions.iter().filter(|v| v.name == split.stable).map(|v| of(v, 1)).collect();
        }
        let weights: Vec<Option<u32>> = self.file.versions.iter().map(|v| v.weight).collect();
        if weights.iter().all(Option::is_none) {
            return versions.first().map(|v| of(v, 1)).into_iter().collect();
        }
        if weights.iter().flatten().all(|weight| *weight == 0) {
            let hint = "with no weight above 0 the gateway answers 500: give one version a weight";
            self.wrong_key("/versions", "the weights of all versions are 0", hint);
        }
        versions.iter().zip(weights).filter_map(|(v, weight)| Some(of(v, weight?))).collect()
    }
}
