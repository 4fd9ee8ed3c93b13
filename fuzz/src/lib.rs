//! The readers of what others write, each as a function of bytes. None may panic, whatever the bytes are; what else holds is asserted.
//!
//! `fuzz_targets` gives them bytes that libFuzzer makes up, `tests/it/corpus.rs` those that are kept in `fuzz/corpus`.

use std::sync::LazyLock;

use tstack::lint::{Input, Reading, Surroundings};
use tstack::plan::{self, Exposing, Observed, UpRequest};
use tstack::stack::{self, Folder, ImageRef, Overrides};
use tstack::state::Record;
use tstack::{generate, lint, spec, timings, yaml};

/// A reader, by the name of its target and of its folder of kept inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] =
    [("stack_file", stack_file), ("spec_file", spec_file), ("record", record), ("image_ref", image_ref), ("lint", lint), ("yaml", yaml)];

/// The manifests of the built-in stack, with a program of one byte: what a stack file may name.
static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    let mut folder = stack::shipped_folder("task-api").unwrap_or_default();
    for (path, content) in &mut folder.files {
        if path.starts_with("bin/") {
            *content = vec![0];
        }
    }
    folder
});

/// A stack file becomes a stack, and that a plan.
pub fn stack_file(data: &[u8]) {
    let mut folder = FOLDER.clone();
    folder.files.insert("stack.yaml".into(), data.to_vec());
    let overrides = Overrides { architecture: "amd64".into(), ..Overrides::default() };
    match stack::resolve(&folder, &overrides) {
        Ok(stack) => {
            let _ = plan::up(&stack, &Observed::default(), UpRequest { exposing: Exposing::Auto, checks: true, new_authority: false });
        }
        Err(findings) => assert!(!findings.list().is_empty() && !findings.to_string().is_empty(), "refused without a reason"),
    }
}

/// A specification becomes objects, and a stack folder that is valid.
pub fn spec_file(data: &[u8]) {
    match spec::read("service.yaml", data, &[]) {
        Ok((spec, _)) => {
            let _ = generate::objects(&spec);
            let _ = generate::stack_folder(&spec);
        }
        Err(findings) => assert!(!findings.list().is_empty() && !findings.to_string().is_empty(), "refused without a reason"),
    }
}

/// A record is read again as it is written; a journal is read line by line.
pub fn record(data: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<Record>(data) {
        let written = serde_json::to_vec(&record).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<Record>(&written).ok(), Some(record), "it is not read as it was written");
    }
    let _ = timings::runs(&String::from_utf8_lossy(data));
}

/// A reference that is written out in full is read as itself.
pub fn image_ref(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(image) = ImageRef::parse(text) {
        assert_eq!(ImageRef::parse(&image.to_string()).ok(), Some(image), "{text}");
    }
}

/// Manifests, or a document with blocks of them, are linted and repaired.
pub fn lint(data: &[u8]) {
    let set = Reading::of(vec![Input::new("-", data.to_vec(), true)]).into_set(Surroundings::default());
    let findings = lint::run(&set);
    let _ = lint::fix(&set, &findings);
}

/// YAML in each of its forms.
pub fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(node) = yaml::parse(text) {
        assert!(node.size() >= 1);
    }
    let _ = yaml::parse_nodes(text);
    yaml::parse_each(text).for_each(drop);
}
