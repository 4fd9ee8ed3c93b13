//! Every source against servers and programs of which each does one thing wrong.

mod from_image;
mod from_programs;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use tempfile::TempDir;

use super::*;
use crate::world::http::testing::{Reply, Server, at_once};

/// A machine with nothing but `/bin/sh`: an empty PATH, an empty cache, and a registry of its own as the mirror of all.
struct Machine {
    folder: TempDir,
    registry: Server,
    answers: Arc<Mutex<BTreeMap<String, Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
    told: Mutex<Vec<String>>,
    cancel: CancellationToken,
}

impl Machine {
    async fn new() -> Self {
        let (answers, asked) = (Arc::new(Mutex::new(BTreeMap::<String, Reply>::new())), Arc::new(Mutex::new(Vec::new())));
        let (script, seen_by) = (Arc::clone(&answers), Arc::clone(&asked));
        let registry = Server::start(at_once(move |seen| {
            let token = seen.headers.get("authorization").map_or(String::new(), |token| format!(" ({token})"));
            seen_by.lock().unwrap().push(format!("{}{token}", seen.path));
            let path = format!("{}{token}", seen.path);
            let script = script.lock().unwrap();
            let found = script.get(&path).or_else(|| script.get(&seen.path));
            found.cloned().unwrap_or_else(|| Reply::new(StatusCode::NOT_FOUND.as_u16(), ""))
        }))
        .await;
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("bin")).unwrap();
        Self { folder, registry, answers, asked, told: Mutex::default(), cancel: CancellationToken::new() }
    }

    fn answer(&self, path: &str, reply: Reply) {
        self.answers.lock().unwrap().insert(path.to_owned(), reply);
    }

    fn places(&self) -> Places {
        let mirror = BTreeMap::from([("*".to_owned(), format!("http://127.0.0.1:{}", self.registry.port))]);
        Places {
            search: self.bin().into(),
            cache: self.folder.path().join("cache"),
            mirrors: Mirrors::parse(&mirror).unwrap(),
            platform: Platform { os: "linux", arch: "amd64" },
        }
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// A program on PATH.
    fn has(&self, name: &str, script: &str) {
        write_program(&self.bin().join(name), script);
    }

    async fn get(&self, program: &Program) -> Result<Obtained, Failure> {
        get(program, &self.places(), &self.cancel, &|text| self.told.lock().unwrap().push(text.to_owned())).await
    }

    /// The reason of one source.
    async fn refused(&self, program: &Program, source: &str) -> String {
        let failure = self.get(program).await.unwrap_err();
        let reason = failure.why.iter().find_map(|why| why.strip_prefix(&format!("{source}: ")));
        let port = format!(":{}", self.registry.port);
        reason.unwrap_or_else(|| panic!("{failure:?}")).replace(&port, "")
    }

    /// What lies in the cache of `tool`, but for its lock.
    fn cached(&self) -> Vec<String> {
        let mut all = Vec::new();
        files_below(&self.folder.path().join("cache/tool"), "", &mut all);
        all.retain(|file| file != "lock");
        all.sort();
        all
    }
}

fn files_below(folder: &Path, above: &str, all: &mut Vec<String>) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() { files_below(&entry.path(), &format!("{name}/"), all) } else { all.push(name) }
    }
}

fn write_program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A program that says this version, as Envoy does.
fn says(version: &str) -> String {
    format!("#!/bin/sh\necho 'tool  version: b579d07d/{version}/Clean/RELEASE'\n")
}

/// `tool` 1.2.3 with these sources.
fn tool(sources: &str) -> Program {
    let text =
        format!("apiVersion: tstack.dev/v1alpha1\nkind: Lock\nprograms:\n  tool:\n    version: 1.2.3\n    ask: [--version]\n{sources}");
    lock::read(&text).unwrap().remove("tool").unwrap()
}

#[tokio::test]
async fn the_first_program_on_path_with_the_right_version_serves() {
    let machine = Machine::new().await;
    let (old, right) = (machine.folder.path().join("old"), machine.folder.path().join("right"));
    for (folder, version) in [(&old, "1.2.2"), (&right, "1.2.3")] {
        fs_err::create_dir(folder).unwrap();
        write_program(&folder.join("tool"), &says(version));
    }
    let places = Places { search: std::env::join_paths([&old, &right]).unwrap(), ..machine.places() };
    let found = get(&tool(""), &places, &machine.cancel, &|_| ()).await.unwrap();
    assert_eq!(found, Obtained { path: right.join("tool"), source: Source::Path, version: Version::new(1, 2, 3), passed_over: Vec::new() });
}

#[tokio::test]
async fn a_program_on_path_is_asked_once_and_again_when_it_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, program) = (folder.path().join("cache"), folder.path().join("tool"));
    fs_err::write(&program, b"\x7fELF one").unwrap();
    cache::Asked::read(&cache).keep(&cache, &program, &Version::new(1, 2, 3));
    assert_eq!(cache::Asked::read(&cache).version(&program), Some(Version::new(1, 2, 3)));
    fs_err::write(&program, b"\x7fELF other").unwrap();
    assert_eq!(cache::Asked::read(&cache).version(&program), None);
    // a script may start another program tomorrow
    fs_err::write(&program, "#!/bin/sh").unwrap();
    cache::Asked::read(&cache).keep(&cache, &program, &Version::new(1, 2, 3));
    assert_eq!(cache::Asked::read(&cache).version(&program), None);
}

#[tokio::test]
async fn another_version_on_path_is_named_and_not_taken() {
    let machine = Machine::new().await;
    machine.has("tool", &says("1.3.0"));
    let path = machine.bin().join("tool").display().to_string();
    assert_eq!(machine.refused(&tool(""), "PATH").await, format!("{path} is 1.3.0, not 1.2.3"));
    let lenient = tool("    accept: ^1\n");
    assert_eq!(machine.get(&lenient).await.unwrap().version, Version::new(1, 3, 0));
}

#[tokio::test]
async fn a_program_that_does_not_tell_its_version_is_not_taken() {
    let machine = Machine::new().await;
    machine.has("tool", "echo hello");
    let path = machine.bin().join("tool").display().to_string();
    assert_eq!(machine.refused(&tool(""), "PATH").await, format!("{path} does not tell its version (hello), not 1.2.3"));
}

#[tokio::test]
async fn where_no_source_serves_every_reason_and_remedy_is_told() {
    let machine = Machine::new().await;
    let program = tool(
        "    image: {name: 'docker.io/a/tool:v1.2.3', file: bin/tool}\n    go: {modules: envoy-gateway, package: x, minutes: 8}\n    \
         wheel: {requirement: tool==1.2.3, file: tool, sha256: {arm64: ab}}\n",
    );
    machine.has("python3", "exit 1");
    let failure = machine.get(&program).await.unwrap_err();
    let port = machine.registry.port;
    insta::assert_snapshot!(format!("{failure:#?}").replace(&port.to_string(), "PORT"), @r#"
    Failure {
        kind: Step,
        what: "cannot get tool 1.2.3",
        why: [
            "PATH: there is no `tool`",
            "cache: it is not there",
            "image: 127.0.0.1:PORT/a/tool has no tag v1.2.3",
            "Go module: there is no `go` on PATH",
            "wheel: there is no wheel for linux/amd64",
        ],
        hints: [
            "Put tool 1.2.3 on PATH.",
            "Or set a mirror that has docker.io/a/tool:v1.2.3.",
            "Or install Go (https://go.dev/doc/install): it is then built from its module.",
            "Or let pip reach its package index (`pip config list`).",
        ],
    }
    "#);
}

#[tokio::test]
async fn another_platform_is_refused_with_the_way_that_it_has() {
    let machine = Machine::new().await;
    let places = Places { platform: Platform { os: "macos", arch: "arm64" }, ..machine.places() };
    let failure = get(&tool(""), &places, &machine.cancel, &|_| ()).await.unwrap_err();
    assert_eq!(failure.what, "tool 1.2.3 does not exist for macos/arm64");
    assert!(failure.hints[0].contains("--provider kind"), "{failure:?}");
}

#[test]
fn what_is_expected_names_the_ways_and_the_longest_time() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places {
        search: folder.path().into(),
        cache: folder.path().join("cache"),
        mirrors: Mirrors::default(),
        platform: Platform { os: "linux", arch: "amd64" },
    };
    let wanted = Wanted { name: "envoy-gateway".into(), version: Version::new(1, 9, 1) };
    let without = expected(&wanted, &places);
    assert_eq!(without.how, "neither on PATH nor in the cache: from the image docker.io/envoyproxy/gateway:v1.9.1");
    write_program(&folder.path().join("go"), "exit 0");
    let with = expected(&wanted, &places);
    assert!(with.how.contains("or else built by go from its module (about "), "{with:?}");
    assert!(with.about > without.about);
}
