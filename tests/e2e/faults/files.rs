//! Files of the state folder cut short, flipped, lost, newer than we are, or another's: `up` and `down` converge or refuse, and never
//! believe them.

use std::path::PathBuf;

use super::row::Row;
use super::small;
use crate::support::machine::Snapshot;
use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, same};
use crate::the_main_job::nothing_is_left;

const NAME: &str = "e2e-files";

#[test]
#[ignore = "needs the test bed: make faults"]
fn files_are_damaged() {
    let s = Sandbox::new("files_are_damaged");
    let mut row = Row::begin("state file, journal and kubeconfig cut short, bits flipped, lost");
    let before = Snapshot::take(&s);
    let folder = small(&s);
    let up = || s.tstack(NAME, &["up", &folder, "--no-snapshot", "--output", "json"]);
    up().well();
    let identity = identity(&s);

    for file in ["state.json", "journal.jsonl", "kubeconfig"] {
        part(file);
        let file = File::of(&s, file);
        for (how, damaged) in file.damages() {
            file.put(&damaged);
            row.struck();
            same(&format!("{how}: `up` converges"), &ends(&up()), &Some(0));
            same("on the same cluster", &self::identity(&s), &identity);
        }
        file.remove();
        row.struck();
        same("lost: `up` converges", &ends(&up()), &Some(0));
        same("on the same cluster", &self::identity(&s), &identity);
        row.converged();
    }

    part("every copy of the record is lost");
    for entry in std::fs::read_dir(s.folder(NAME)).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().starts_with("state.json"))
    {
        std::fs::remove_file(entry.path()).unwrap();
    }
    row.struck();
    same("the node says whose it is, and `up` converges", &ends(&up()), &Some(0));
    same("on the same cluster", &self::identity(&s), &identity);
    row.converged();

    part("the whole folder is lost");
    std::fs::remove_dir_all(s.folder(NAME)).unwrap();
    row.struck();
    s.tstack(NAME, &["down"]).well();
    std::fs::remove_dir_all(&folder).unwrap();
    row.converged();
    nothing_is_left(&before, &Snapshot::take(&s));
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn files_of_others() {
    const OTHER: &str = "e2e-files-other";
    let s = Sandbox::new("files_of_others");
    let mut row = Row::begin("state of a newer tstack, of another name, and a lock file that says anything");
    let before = Snapshot::take(&s);
    let folder = small(&s);
    let up = |name: &str| s.tstack(name, &["up", &folder, "--no-snapshot", "--output", "json"]);
    up(NAME).well();
    let identity = identity(&s);

    part("a newer record");
    let records = ["state.json", "state.json.copy"].map(|file| File::of(&s, file));
    for record in &records {
        record.put(&newer(&record.before));
    }
    for verb in ["up", "down"] {
        let refused = if verb == "up" { up(NAME) } else { s.tstack(NAME, &["down"]) };
        row.struck();
        holds(&format!("`{verb}` refuses, and says so"), refused.code == Some(3) && refused.all().contains("newer tstack"), || {
            refused.all()
        });
    }
    for record in &records {
        record.put(&record.before);
    }
    same("the cluster is untouched", &self::identity(&s), &identity);
    row.converged();

    part("the record of another name");
    std::fs::create_dir_all(s.folder(OTHER)).unwrap();
    for entry in std::fs::read_dir(s.folder(NAME)).unwrap().flatten().filter(|e| e.path().is_file()) {
        std::fs::copy(entry.path(), s.folder(OTHER).join(entry.file_name())).unwrap();
    }
    row.struck();
    let refused = s.tstack(OTHER, &["down"]);
    holds("`down` of that name refuses, and says whose it is", refused.code == Some(3) && refused.stderr.contains(NAME), || refused.all());
    same("the cluster of this name is untouched", &self::identity(&s), &identity);
    std::fs::remove_dir_all(s.folder(OTHER)).unwrap();
    s.tstack(OTHER, &["down"]).well();
    row.converged();

    part("a lock file of a tstack that is gone");
    let lock = s.state().join(format!(".{NAME}.lock"));
    for text in ["", "tstack up, process 1\n", "{}", "\u{0}\u{1}garbage", "tstack up, process 4194304, since 1970-01-01T00:00:00Z\n"] {
        std::fs::write(&lock, text).unwrap();
        row.struck();
        same(&format!("{text:?}: holds nobody up"), &ends(&up(NAME)), &Some(0));
    }
    row.converged();
    s.tstack(NAME, &["down"]).well();
    std::fs::remove_dir_all(&folder).unwrap();
    nothing_is_left(&before, &Snapshot::take(&s));
}

/// The record as a tstack of years from now writes it: whole, with its digest, and of a version that nobody knows here.
fn newer(record: &[u8]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let text = std::str::from_utf8(record).unwrap();
    let body = text.splitn(3, '\n').nth(2).unwrap().replacen("\"version\": ", "\"version\": 9", 1);
    let digest = Sha256::digest(body.as_bytes()).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("{{\n  \"digest\": \"{digest}\",\n{body}").into_bytes()
}

/// A file of the state folder, as it was.
struct File {
    path: PathBuf,
    before: Vec<u8>,
}

impl File {
    fn of(s: &Sandbox, name: &str) -> Self {
        let path = s.folder(NAME).join(name);
        let before = std::fs::read(&path).unwrap();
        Self { path, before }
    }

    /// Cut at several lengths, a bit flipped at several places, and what a crashed file system leaves.
    fn damages(&self) -> Vec<(String, Vec<u8>)> {
        let length = self.before.len();
        let mut all: Vec<(String, Vec<u8>)> = [0, 1, length / 3, length / 2, length - 1]
            .into_iter()
            .map(|cut| (format!("cut at {cut} of {length} bytes"), self.before[..cut].to_vec()))
            .collect();
        for place in (1..12).map(|part| part * length / 12) {
            let mut flipped = self.before.clone();
            flipped[place] ^= 1 << (place % 7);
            all.push((format!("a bit flipped at {place}"), flipped));
        }
        all.push(("zeroes in its place".into(), vec![0; length]));
        all
    }

    fn put(&self, content: &[u8]) {
        std::fs::write(&self.path, content).unwrap();
    }

    fn remove(&self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

/// The exit code; what was said is shown where it is another than 0.
fn ends(said: &Said) -> Option<i32> {
    if said.code != Some(0) {
        println!("{}", said.all());
    }
    said.code
}

/// The one node, which nobody made anew.
fn identity(s: &Sandbox) -> String {
    let said = s.run(
        "docker",
        &["ps", "--all", "--no-trunc", "--filter", &format!("label=io.x-k8s.kind.cluster=tstack-{NAME}"), "--format", "{{.ID}}"],
    );
    let id = said.well().stdout;
    holds("there is one node", id.lines().count() == 1, || id.clone());
    id
}
