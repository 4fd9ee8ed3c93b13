//! `lint`: what is wrong in files, before anything runs.

use std::path::Path;

use crate::failure::Failure;
use crate::lint::{self, Finding, Input, Profile, Reading, Settings, Source, Surroundings};
use crate::stack::{self, ComponentKind, ObjectId, Overrides, Stack};
use crate::world::folder;
use crate::world::texts::{self, Found};

/// What is to be linted, and how.
pub struct LintOptions {
    /// Files and folders; `-` is standard input.
    pub paths: Vec<String>,
    /// Whether files of Markdown in folders count.
    pub markdown: bool,
    /// What the user says of rules.
    pub settings: Settings,
    /// What the objects are meant for.
    pub profile: Profile,
    /// Whether what the files do not hold is not there.
    pub complete: bool,
    /// What the command line changes in stacks.
    pub overrides: Overrides,
}

/// What was found.
pub struct LintReport {
    /// Everything that is wrong, in the order of the files.
    pub findings: Vec<Finding>,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// How many files were read.
    pub files: usize,
    /// How many objects they hold.
    pub objects: usize,
}

/// Lints files. Those of a stack are a set of their own; all others are one set.
///
/// # Errors
/// When something cannot be read, or a stack is not valid.
pub fn lint(options: &LintOptions) -> Result<LintReport, Failure> {
    let (mut inputs, mut stacks, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for path in &options.paths {
        let found = if path == "-" { vec![Found::Text(texts::standard_input()?)] } else { texts::find(Path::new(path), options.markdown)? };
        let alone = found.len() == 1;
        for found in found {
            match found {
                Found::Text(text) => inputs.push(Input::new(text.file, text.bytes, text.named)),
                Found::Stack(path) => {
                    let folder = folder::read(&path)?;
                    stacks.push(stack::resolve(&folder, &options.overrides).map_err(stack::Findings::into_failure)?);
                }
                Found::Chart(folder) => {
                    let folder = folder.display();
                    let hint = format!("Lint what it renders: `helm template {folder} | tstack lint -`.");
                    if alone {
                        return Err(Failure::usage(format!("{folder} is a Helm chart: its templates are no YAML")).hint(hint));
                    }
                    notes.push(format!(
                        "{folder}: left out, it is a Helm chart: lint what it renders, `helm template {folder} | tstack lint -`"
                    ));
                }
            }
        }
    }
    let mut reading = Reading::of(inputs);
    notes.append(&mut reading.notes);
    let around = Surroundings { profile: options.profile, complete: options.complete, ..Surroundings::default() };
    let mut sets = vec![reading.into_set(around)];
    sets.extend(stacks.iter().map(|stack| set(stack, options.profile)));
    let findings = sets.iter().flat_map(|set| lint::check(set, &options.settings)).collect();
    let (files, objects) = (sets.iter().map(|set| set.sources().len()).sum(), sets.iter().map(|set| set.entries().len()).sum());
    Ok(LintReport { findings, notes, files, objects })
}

/// What is wrong in the manifests of a stack.
#[must_use]
pub fn lint_stack(stack: &Stack, settings: &Settings) -> Vec<Finding> {
    lint::check(&set(stack, Profile::Local), settings)
}

/// The manifests of a stack: all there is, but for what its other components make.
fn set(stack: &Stack, profile: Profile) -> lint::Set {
    let sources = stack.documents.sources.iter().map(|(file, text)| Source { file: file.clone(), text: text.clone() }).collect();
    let mut around = Surroundings { profile, complete: true, ..Surroundings::default() };
    let namespace = |name: &str| ObjectId::new("v1", "Namespace", "", name);
    around.given.extend(["default", "kube-system", "kube-public", "kube-node-lease"].map(namespace));
    around.given.insert(ObjectId::new("v1", "Service", "default", "kubernetes"));
    for component in &stack.components {
        match &component.kind {
            ComponentKind::Certificate(certificate) => {
                around.given.extend(stack::certificate_objects(certificate));
                around.given.insert(ObjectId::new("v1", "Secret", &certificate.namespace, &certificate.secret));
            }
            ComponentKind::Helm(chart) => {
                around.given.insert(namespace(&chart.namespace));
                around.open.insert(chart.namespace.clone());
            }
            ComponentKind::Manifests(_) | ComponentKind::Image(_) => {}
        }
    }
    Reading::of_documents(sources, stack.documents.nodes.clone()).into_set(around)
}
