//! The walls between rooms: who may use whom (docs/architecture.md). Code under `#[cfg(test)]` may use everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{root, rust_files};

/// A room, and what it may use: `room` as a whole, or `room::{item, …}` and nothing else of it.
///
/// `failure` is the one shape of every error: all may use it but `ready`, `event`'s equal in plainness, which has no errors.
const TABLE: &[(&str, &[&str])] = &[
    ("failure", &[]),
    ("yaml", &[]),
    ("ready", &[]),
    ("env", &[]),
    ("status", &[]),
    ("event", &["failure"]),
    ("timings", &["event"]),
    ("input", &["failure", "yaml"]),
    ("kinds", &["input", "yaml"]),
    ("spec", &["input", "yaml"]),
    ("stack", &["input", "yaml"]),
    ("generate", &["spec", "stack", "yaml"]),
    ("certs", &["failure", "stack"]),
    ("snapshot", &["stack"]),
    ("image", &["failure", "stack"]),
    ("host", &["stack"]),
    ("lint", &["input::nearest", "kinds", "stack::ObjectId", "yaml"]),
    // an Event carries what renderers need of a step, so that they need not know plans
    ("plan", &["failure", "host", "stack", "event::StepInfo"]),
    // the outside speaks of images, objects and folders in the stack's words, since every room does; it knows nothing of stacks
    ("world", &["failure", "yaml", "stack::{Folder, ImageRef, Object, ObjectId}"]),
    ("config", &["failure", "yaml", "world::registry"]),
    ("daemon", &["failure", "world"]),
    ("forward", &["failure", "daemon", "stack", "world"]),
    ("supervise", &["failure", "daemon", "host", "stack", "world"]),
    // the two that hold objects, seen as one
    ("platform", &["failure", "stack", "supervise::Client", "world::kube"]),
    // the record keeps what plans need again, the journal what happened; a lock says who holds it, where and since when
    ("state", &["failure", "world::{backoff, clock, files, kubeconfig, machine, trust}", "plan::{Exposing, Made}", "event::Event"]),
    ("checks", &["failure", "stack", "world::http", "event::CheckReport"]),
    (
        "observe",
        &["failure", "certs", "forward", "host", "image", "plan", "platform", "ready", "snapshot", "stack", "state", "supervise", "world"],
    ),
    // a certificate is applied with the CA that lies in the state folder: looked at as `observe` looks at it
    (
        "exec",
        &[
            "failure",
            "certs",
            "checks",
            "event",
            "forward",
            "host",
            "image",
            "observe::{authority, host_spec, wanted, wanted_snapshot}",
            "plan",
            "platform",
            "ready",
            "snapshot",
            "stack",
            "state",
            "supervise::Client",
            "world",
            "yaml",
        ],
    ),
    (
        "ops",
        &[
            "failure",
            "certs::{Described, described}",
            "event",
            "exec",
            "forward",
            "generate",
            "host",
            "input::parse_duration",
            "kinds",
            "lint",
            "observe",
            "plan",
            "platform",
            "snapshot",
            "spec",
            "stack",
            "state",
            "status",
            "supervise::{Client, ProcessStatus, Status, end_orphans}",
            "timings",
            "world",
            "yaml",
        ],
    ),
    ("report", &["failure", "event", "generate::{Answer, Decision, Prompt, Template}", "lint", "status", "timings"]),
    // the edge: it loads stacks and finds records by itself, and starts the forwarder's own process; it never sees engine or cluster
    (
        "cli",
        &[
            "failure",
            "config",
            "env",
            "event::Event",
            "forward::run",
            "lint",
            "generate",
            "input::Findings",
            "ops",
            "plan::Exposing",
            "report",
            "spec",
            "stack",
            "state",
            "supervise::{proxy, run}",
            "world::{child, clock, files, folder, outputs, stdin, watch}",
        ],
    ),
];

/// A use of one room by another: file, line, room, item of it.
#[derive(Debug)]
struct Edge {
    file: PathBuf,
    line: usize,
    from: String,
    to: String,
    item: String,
}

/// The text of a file without comments, strings and code for tests; lines keep their numbers.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        // what is left out is replaced by its line breaks
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("#[cfg(test)]") {
            item_length(rest)
        } else if c == '"' {
            string_length(rest)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    out
}

/// The number of hashes of a raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How long the item at the beginning is: to its semicolon, or to the brace that closes it.
fn item_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The room of a file: its folder in `src`, or its own name.
fn room(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Files that are compiled for tests alone: `#[cfg(test)] mod x;` in their parent, and all below them.
fn for_tests_alone(files: &BTreeMap<PathBuf, String>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (file, text) in files {
        let home =
            if file.ends_with("mod.rs") || file.ends_with("lib.rs") { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        for part in text.split("#[cfg(test)]").skip(1) {
            let declared = part.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ").strip_prefix("mod ");
            if let Some((name, _)) = declared.and_then(|d| d.split_once(';')).filter(|(name, _)| !name.contains(['{', ' '])) {
                found.extend([home.join(format!("{name}.rs")), home.join(name)]);
            }
        }
        // a file that is named by a path lies where it says
        for part in text.split("#[path = \"").skip(1) {
            found.insert(file.parent().unwrap().join(part.split('"').next().unwrap()));
        }
    }
    found
}

/// Every file of `src` by its path there, with code for tests left out.
fn house() -> BTreeMap<PathBuf, String> {
    let src = root().join("src");
    let read = |file: PathBuf| (file.strip_prefix(&src).unwrap().to_owned(), fs_err::read_to_string(&file).unwrap());
    let all: BTreeMap<PathBuf, String> = rust_files(&src).into_iter().map(read).collect();
    let tests = for_tests_alone(&all);
    let kept = all.into_iter().filter(|(file, _)| !file.ancestors().any(|above| tests.contains(above)));
    kept.map(|(file, text)| (file, code(&text))).collect()
}

/// The paths that a use tree stands for: `a::{b, c::d}` is `a::b` and `a::c::d`. Ends where the tree ends.
fn paths(tree: &str) -> Vec<String> {
    let end = tree.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).unwrap_or(tree.len());
    let (head, rest) = tree.split_at(end);
    let Some(inner) = rest.strip_prefix('{').filter(|_| head.is_empty() || head.ends_with("::")) else { return vec![head.to_owned()] };
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let part = inner[start..at].trim();
                all.extend(paths(part).into_iter().filter(|p| !p.is_empty()).map(|p| format!("{head}{p}")));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    all
}

fn edges() -> Vec<Edge> {
    let mut all = Vec::new();
    for (file, text) in house() {
        let from = room(&file);
        for (at, _) in text.match_indices("crate::") {
            if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let line = text[..at].matches('\n').count() + 1;
            for path in paths(&text[at + "crate::".len()..]) {
                let mut parts = path.split("::");
                let to = parts.next().unwrap().to_owned();
                // `self` of a tree is the room itself, to be written out before its items
                let item = parts.next().filter(|item| *item != "self").unwrap_or_default().to_owned();
                if to != from {
                    all.push(Edge { file: file.clone(), line, from: from.clone(), to, item });
                }
            }
        }
    }
    all
}

/// A permission taken apart: the room, and the items where it is not for all of it.
fn permission(text: &str) -> (&str, Vec<&str>) {
    let (room, items) = text.split_once("::").unwrap_or((text, ""));
    let items = items.trim_matches(['{', '}']).split(", ").filter(|item| !item.is_empty()).collect();
    (room, items)
}

fn allowed(edge: &Edge) -> bool {
    let Some((_, may)) = TABLE.iter().find(|(room, _)| *room == edge.from) else { return ["lib", "main"].contains(&edge.from.as_str()) };
    may.iter().map(|text| permission(text)).any(|(room, items)| {
        // a room that is used by its name (`use crate::world`) shows what of it is used only where it is used: not allowed then
        room == edge.to && (items.is_empty() || items.contains(&edge.item.as_str()))
    })
}

#[test]
fn no_room_uses_what_it_must_not_know() {
    let wrong: Vec<String> = edges()
        .iter()
        .filter(|edge| !allowed(edge))
        .map(|e| format!("src/{}:{}: {} must not use {}::{}", e.file.display(), e.line, e.from, e.to, e.item))
        .collect();
    assert!(wrong.is_empty(), "see TABLE in {}\n{}", file!(), wrong.join("\n"));
}

#[test]
fn no_permission_is_left_that_nobody_uses() {
    let edges = edges();
    let mut unused = Vec::new();
    for (from, may) in TABLE {
        for (to, items) in may.iter().map(|text| permission(text)) {
            let used = |item: &str| edges.iter().any(|e| e.from == *from && e.to == to && (item.is_empty() || e.item == item));
            let items = if items.is_empty() { vec![""] } else { items };
            unused.extend(items.into_iter().filter(|item| !used(item)).map(|item| format!("{from} -> {to}::{item}")));
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn rooms_do_not_need_each_other_in_a_circle() {
    // the table lists each room after all that it may use, which is possible only without a circle
    for (place, (room, may)) in TABLE.iter().enumerate() {
        for (used, _) in may.iter().map(|text| permission(text)) {
            let earlier = TABLE[..place].iter().any(|(name, _)| *name == used);
            assert!(earlier, "{room} uses {used}, which comes after it in the table or is not in it");
        }
    }
}

#[test]
fn the_table_has_every_room() {
    let declared = fs_err::read_to_string(root().join("src/lib.rs")).unwrap();
    let rooms: BTreeSet<&str> = declared.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(TABLE.iter().map(|(room, _)| *room).collect::<BTreeSet<_>>(), rooms);
}

#[test]
fn every_room_opens_with_its_four_lines() {
    for (room, _) in TABLE {
        let folder = root().join("src").join(room).join("mod.rs");
        let file = if folder.exists() { folder } else { root().join(format!("src/{room}.rs")) };
        let text = fs_err::read_to_string(&file).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let head = head.join("\n");
        let places: Vec<_> = ["//! Purpose: ", "//! Reads: ", " Writes: ", "//! Must not: "].iter().map(|word| head.find(word)).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{} does not open with Purpose, Reads, Writes, Must not",
            file.display()
        );
    }
}

#[test]
fn no_file_has_more_than_600_lines_before_its_tests() {
    for file in house().into_keys() {
        let text = fs_err::read_to_string(root().join("src").join(&file)).unwrap();
        let lines = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        assert!(lines <= 600, "src/{} has {lines} lines; what are its two halves called?", file.display());
    }
}

#[test]
fn the_reader_of_rust_leaves_out_what_is_no_code() {
    let text = "use crate::a::{b, c::{d, e}, self};\n// crate::x\nlet s = \"crate::y {\";\n#[cfg(test)]\nmod tests { use crate::z; }\ncrate::v::w();\n";
    assert_eq!(code(text), "use crate::a::{b, c::{d, e}, self};\n\nlet s = ;\n\n\ncrate::v::w();\n");
    assert_eq!(paths("a::{b, c::{d, e}, self};"), ["a::b", "a::c::d", "a::c::e", "a::self"]);
    assert_eq!(paths("{ops, report};"), ["ops", "report"]);
    assert_eq!(paths("v::w();"), ["v::w"]);
}
