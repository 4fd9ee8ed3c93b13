//! `lint`: what is wrong in files, before anything runs.

use std::path::Path;

use crate::failure::Failure;
use crate::lint::{self, Finding, Input, Profile, Reading, Settings, Source, Surroundings};
use crate::stack::{self, ComponentKind, ObjectId, Overrides, Stack};
use crate::world::texts::{self, Found};
use crate::world::{files, folder};

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
    /// Whether safe fixes are made.
    pub fixing: Fixing,
}

/// Whether safe fixes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fixing {
    /// No.
    #[default]
    No,
    /// They are shown, and nothing is written.
    Shown,
    /// They are made in the files.
    Made,
}

/// The fixes of one file.
pub struct FixedFile {
    /// The file.
    pub file: String,
    /// What it was.
    pub before: String,
    /// What it is, or would be.
    pub after: String,
    /// What was done, `web.yaml:7 TS111: key renamed to …`.
    pub done: Vec<String>,
    /// What was not done, and why.
    pub left: Vec<String>,
}

/// What was found.
pub struct LintReport {
    /// Everything that is wrong, in the order of the files.
    pub findings: Vec<Finding>,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// What was fixed.
    pub fixed: Vec<FixedFile>,
    /// How many files were read.
    pub files: usize,
    /// How many objects they hold.
    pub objects: usize,
}

/// The most objects of one set: the largest clusters that are written down have a few thousand.
const MOST_OBJECTS: usize = 20_000;

/// Lints files. Those of a stack are a set of their own; all others are one set.
///
/// # Errors
/// When something cannot be read, or a stack is not valid.
pub fn lint(options: &LintOptions) -> Result<LintReport, Failure> {
    let (mut inputs, mut stacks, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for path in &options.paths {
        let shipped = stack::shipped_folder(path).filter(|_| !Path::new(path).exists());
        if let Some(folder) = shipped {
            stacks.push(stack::resolve(&folder, &options.overrides).map_err(stack::Findings::into_failure)?);
            continue;
        }
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
    if options.fixing == Fixing::Made && inputs.iter().any(|input| input.file == "-") {
        return Err(Failure::usage("--fix changes files, and standard input is none").hint("Use --diff to see what it would change."));
    }
    let mut reading = Reading::of(inputs);
    if reading.size() > MOST_OBJECTS {
        return Err(Failure::usage(format!("there are {} objects; tstack lints at most {MOST_OBJECTS} together", reading.size()))
            .why("several rules look at each object beside each other one")
            .hint("Name fewer files, such as those of one namespace."));
    }
    notes.append(&mut reading.notes);
    let around = Surroundings { profile: options.profile, complete: options.complete, ..Surroundings::default() };
    let mut sets = vec![reading.into_set(around)];
    sets.extend(stacks.iter().map(|stack| set(stack, options.profile, true)));
    let (mut findings, mut fixed) = (Vec::new(), Vec::new());
    for set in &sets {
        let found = lint::check(set, &options.settings);
        let files = if options.fixing == Fixing::No { Vec::new() } else { fix(set, &found, options.fixing)? };
        // what was repaired is no finding any more
        findings.extend(found.into_iter().filter(|finding| options.fixing != Fixing::Made || !files.iter().any(|(_, gone)| gone(finding))));
        fixed.extend(files.into_iter().map(|(file, _)| file));
    }
    let (files, objects) = (sets.iter().map(|set| set.sources().len()).sum(), sets.iter().map(|set| set.entries().len()).sum());
    Ok(LintReport { findings, notes, fixed, files, objects })
}

/// Says whether a finding was repaired.
type Gone = Box<dyn Fn(&Finding) -> bool>;

/// Makes the fixes of a set, each file whole or not at all.
fn fix(set: &lint::Set, findings: &[Finding], fixing: Fixing) -> Result<Vec<(FixedFile, Gone)>, Failure> {
    let mut all = Vec::new();
    for fixed in lint::fix(set, findings) {
        let source = &set.sources()[fixed.source];
        if fixing == Fixing::Made && fixed.text != source.text {
            write(&source.file, &source.text, &fixed.text)?;
        }
        let line = |(line, rule, what): &(usize, &str, String)| format!("{}:{line} {rule}: {what}", source.file);
        let file = FixedFile {
            file: source.file.clone(),
            before: source.text.clone(),
            after: fixed.text,
            done: fixed.done.iter().map(line).collect(),
            left: fixed.left.iter().map(line).collect(),
        };
        let (name, done) = (source.file.clone(), fixed.done);
        let gone: Gone = Box::new(move |finding| {
            finding.fix.is_some()
                && finding.file == name
                && done.iter().any(|(line, rule, _)| (*line, *rule) == (finding.line, finding.rule))
        });
        all.push((file, gone));
    }
    Ok(all)
}

/// Writes a file, unless it changed since it was read. A mark of UTF-8 before the text stays.
fn write(file: &str, before: &str, after: &str) -> Result<(), Failure> {
    let path = Path::new(file);
    let bytes = files::read_if_there(path)?.unwrap_or_default();
    let mark: &[u8] = if bytes.starts_with(b"\xef\xbb\xbf") { b"\xef\xbb\xbf" } else { b"" };
    if &bytes[mark.len()..] != before.as_bytes() {
        return Err(Failure::step(format!("{file} changed while it was looked at")).hint("Run `tstack lint --fix` again."));
    }
    files::replace(path, &[mark, after.as_bytes()].concat())
}

/// What is wrong in the manifests of a stack; `complete` where nothing else is in its cluster.
#[must_use]
pub fn lint_stack(stack: &Stack, complete: bool, settings: &Settings) -> Vec<Finding> {
    lint::check(&set(stack, Profile::Local, complete), settings)
}

/// The manifests of a stack, and what its other components make.
fn set(stack: &Stack, profile: Profile, complete: bool) -> lint::Set {
    let sources = stack.documents.sources.iter().map(|(file, text)| Source { file: file.clone(), text: text.clone() }).collect();
    let mut around = Surroundings { profile, complete, ..Surroundings::default() };
    let namespace = |name: &str| ObjectId::new("v1", "Namespace", "", name);
    around.given.extend(["default", "kube-system", "kube-public", "kube-node-lease"].map(namespace));
    around.given.insert(ObjectId::new("v1", "Service", "default", "kubernetes"));
    for component in &stack.components {
        match &component.kind {
            ComponentKind::Certificate(certificate) => {
                around.given.extend(stack::certificate_objects(certificate));
                around.given.insert(ObjectId::new("v1", "Secret", &certificate.namespace, &certificate.secret));
            }
            ComponentKind::Secrets(secrets) => {
                around.given.insert(namespace(&secrets.namespace));
                around.given.extend(stack::secret_objects(secrets));
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
