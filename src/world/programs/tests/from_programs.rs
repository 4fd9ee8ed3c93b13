//! `go` and pip, played by scripts.

use super::*;

const GO: &str = "    go:\n      modules: envoy-gateway\n      package: example.com/tool\n      define: {example.com/tool.version: v1.2.3}\n      minutes: 8\n";
const WHEEL: &str = "    wheel: {requirement: tool==1.2.3, file: tool/_bin/tool, sha256: {amd64: abcd}}\n";

/// What every call of `go` has.
const FLAGS: &str = "-mod=readonly -buildvcs=false -trimpath -gcflags=all=-dwarf=false";

/// Writes what it is called with to `calls` in its own folder.
const NOTES: &str = "echo \"$*\" >> \"$(/usr/bin/dirname \"$0\")/calls\"\n";

/// `go` as it speaks; it copies what it is to make from beside itself.
const PLAYED_GO: &str = r#"here=$(/usr/bin/dirname "$0")
case $1 in
  list) echo 'go: downloading example.com/other v1.0.0' >&2; echo runtime; echo example.com/other; echo example.com/tool ;;
  build) echo example.com/other >&2; /bin/cp "$3/go.sum" "$here/seen.sum"
    while [ "$1" != -o ]; do shift; done; /bin/cp "$here/made" "$2" ;;
esac"#;

const PLAYED_PYTHON: &str = r#"here=$(/usr/bin/dirname "$0")
case $2 in
  pip) for word; do before=$last; last=$word; [ "$before" = --requirement ] && /bin/cp "$word" "$here/requirements"; done
    /bin/mkdir "$last" && echo wheel > "$last/tool-1.2.3-py3-none-any.whl" ;;
  zipfile) /bin/mkdir -p "$5/tool/_bin" && /bin/cp "$here/made" "$5/tool/_bin/tool" ;;
esac"#;

impl Machine {
    fn said(&self, file: &str) -> String {
        let folder = self.folder.path().display().to_string();
        fs_err::read_to_string(self.bin().join(file)).unwrap().replace(&folder, "HOME")
    }
}

#[tokio::test]
async fn go_builds_with_the_pinned_module_graph() {
    let machine = Machine::new().await;
    machine.has("go", &format!("{NOTES}{PLAYED_GO}"));
    fs_err::write(machine.bin().join("made"), says("1.2.3")).unwrap();
    let obtained = machine.get(&tool(GO)).await.unwrap();
    assert_eq!(obtained.source.to_string(), "example.com/tool built by go");
    let calls: Vec<String> = machine.said("calls").lines().map(str::to_owned).collect();
    assert!(
        calls[0].starts_with("list -C HOME/cache/tool/tmp/get-") && calls[0].ends_with(&format!("/module {FLAGS} -deps example.com/tool")),
        "{calls:?}"
    );
    let flags = format!("/module {FLAGS} -v -ldflags=-s -w -X example.com/tool.version=v1.2.3 -o ");
    assert!(calls[1].starts_with("build -C ") && calls[1].contains(&flags), "{calls:?}");
    assert!(machine.said("seen.sum").contains("github.com/envoyproxy/gateway v1.9.1 h1:"));
    assert_eq!(
        *machine.told.lock().unwrap(),
        [
            "go downloads the modules of example.com/tool",
            "go downloads example.com/other v1.0.0",
            "go compiles example.com/other: 1 of at most 3 packages, about 8 min from nothing on two cores",
        ]
    );
    assert_eq!(machine.cached(), ["1.2.3/origin.json", "1.2.3/tool", "1.2.3/tool.sha256"]);
}

#[tokio::test]
async fn what_go_says_last_is_the_reason() {
    let machine = Machine::new().await;
    machine.has("go", "echo 'go: x@v1: Get \"https://proxy.example.com/x\": dial tcp: no such host' >&2; exit 1");
    let why = machine.refused(&tool(GO), "Go module").await;
    assert_eq!(why, "`go list` ended with exit status 1: go: x@v1: Get \"https://proxy.example.com/x\": dial tcp: no such host");
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn pip_is_held_to_the_hash_and_unpacks_nothing_by_itself() {
    let machine = Machine::new().await;
    machine.has("python3", &format!("{NOTES}{PLAYED_PYTHON}"));
    fs_err::write(machine.bin().join("made"), says("1.2.3")).unwrap();
    let obtained = machine.get(&tool(WHEEL)).await.unwrap();
    assert_eq!(obtained.source, Source::Fetched("the wheel tool==1.2.3".into()));
    assert_eq!(machine.said("requirements"), "tool==1.2.3 --hash=sha256:abcd\n");
    let calls = machine.said("calls");
    assert!(
        calls.starts_with("-m pip download --no-input --no-deps --only-binary=:all: --require-hashes --requirement HOME/cache/tool/tmp/"),
        "{calls}"
    );
    assert!(calls.contains("-m zipfile -e HOME/cache/tool/tmp/get-"), "{calls}");
}

#[tokio::test]
async fn what_was_passed_over_is_told_with_what_served() {
    let machine = Machine::new().await;
    machine.has("python3", PLAYED_PYTHON);
    fs_err::write(machine.bin().join("made"), says("1.2.3")).unwrap();
    let pinned = format!("sha256:{}", "1".repeat(64));
    machine.answer("/v2/a/tool/manifests/v1.2.3", Reply::new(200, "{}"));
    let image = format!("    image: {{name: 'docker.io/a/tool:v1.2.3@{pinned}', file: tool}}\n");
    let obtained = machine.get(&tool(&format!("{image}{WHEEL}"))).await.unwrap();
    assert_eq!(obtained.passed_over.len(), 1, "{obtained:?}");
    assert!(obtained.passed_over[0].starts_with("image: 127.0.0.1:"), "{obtained:?}");
    assert!(obtained.passed_over[0].ends_with(&format!(" there and not {pinned}, which tstack.lock pins")), "{obtained:?}");
}

#[tokio::test]
async fn a_python_without_pip_says_so() {
    let machine = Machine::new().await;
    machine.has("python3", "echo \"$0: No module named pip\" >&2; exit 1");
    let why = machine.refused(&tool(WHEEL), "wheel").await;
    assert!(why.ends_with(": No module named pip"), "{why}");
}

#[tokio::test]
async fn a_cancelled_build_leaves_nothing_behind() {
    let machine = Machine::new().await;
    machine.has("go", "echo 'go: downloading x v1' >&2; exec /bin/cat /proc/self/fd/1");
    let cancel = machine.cancel.clone();
    let done = get(&tool(GO), &machine.places(), &machine.cancel, &|text| {
        if text == "go downloads x v1" {
            cancel.cancel();
        }
    })
    .await;
    assert_eq!(done.unwrap_err().kind, crate::failure::FailureKind::Cancelled);
    assert_eq!(machine.cached(), [""; 0]);
}
