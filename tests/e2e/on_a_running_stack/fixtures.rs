//! Objects of every kind, good and bad: the real API server says of each what the offline check says.

use std::path::{Path, PathBuf};

use tstack::kinds::{self, Lookup};
use tstack::ops::{Wanted, check_server};
use tstack::stack::Object;
use tstack::yaml;

use super::Stack;
use crate::support::client::runtime;
use crate::support::{holds, part};

pub(super) fn the_api_server_agrees_with_the_schemas(stack: &Stack) {
    part("the API server and the schemas");
    let files: Vec<(PathBuf, bool)> =
        ["good", "bad"].iter().flat_map(|sort| files(sort).into_iter().map(move |f| (f, *sort == "good"))).collect();
    holds(&format!("{} files of objects", files.len()), files.len() > 20, || format!("{files:?}"));
    let mut objects = Vec::new();
    for (file, good) in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for node in yaml::parse_nodes(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display())) {
            let object = Object::new(node.to_value());
            let faults = match kinds::find(&object.id.api_version, &object.id.kind) {
                Lookup::Known(kind) => kind.check(&node).into_iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect(),
                other => vec![format!("{other:?}")],
            };
            objects.push((file.clone(), good, faults, object));
        }
    }
    let asked: Vec<Object> = objects.iter().map(|(.., object)| object.clone()).collect();
    let report = runtime().block_on(check_server(&stack.setup, &stack.name, &Wanted::Own, &asked)).unwrap();
    let mut wrong = Vec::new();
    for ((file, good, faults, _), verdict) in objects.iter().zip(&report.verdicts) {
        let server: Vec<String> = verdict.refusal.iter().flat_map(|failure| failure.why.clone()).collect();
        if faults.is_empty() != server.is_empty() || (*good && !server.is_empty()) {
            let name = file.file_name().unwrap().to_string_lossy();
            wrong.push(format!("{name}, {}\n  offline: {faults:?}\n  server:  {server:?}", verdict.object));
        }
    }
    holds(&format!("{}: says of all {} objects what the schemas say", report.asked, objects.len()), wrong.is_empty(), || wrong.join("\n"));
}

fn files(sort: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kinds").join(sort);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
