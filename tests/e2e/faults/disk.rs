//! The disk that holds the state is full: said with the file's name, nothing half-written, and `up` goes on once there is room.

use std::path::{Path, PathBuf};

use super::row::Row;
use super::{UP, converged, failures};
use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part};
use crate::the_main_job::nothing_is_left;

/// From no room for the lock to room for all but the last charts.
const SIZES: [&str; 5] = ["4k", "16k", "64k", "256k", "1m"];

#[test]
#[ignore = "needs the test bed, and root to mount: make faults"]
fn the_disk_is_full() {
    const NAME: &str = "e2e-disk";
    let s = Sandbox::new("the_disk_is_full");
    let mut row = Row::begin("state folder on a full disk, of five sizes");
    let before = Snapshot::take(&s);
    let disk = Disk::mount(&s, SIZES[0]);
    for size in SIZES {
        part(&format!("{size} in all"));
        disk.resize(&s, size);
        let up = s.tstack(NAME, &UP);
        row.struck();
        if up.code == Some(0) {
            row.note(format!("{size} was enough"));
            continue;
        }
        let said = up.all().to_lowercase().contains("no space left on device");
        holds("it says that the disk is full", said && matches!(up.code, Some(3 | 4)), || up.all());
        holds("and which file could not be written", up.all().contains(disk.0.to_str().unwrap()), || up.all());
        println!("        | {}", failures(&up));
    }
    disk.resize(&s, "64m");
    converged(&s, NAME);
    row.converged();

    part("a full disk under a finished stack");
    let filler = disk.0.join("filler");
    let dd = ["if=/dev/zero", &format!("of={}", filler.display()), "bs=64k"];
    holds("it is full", s.run("dd", &dd).stderr.contains("No space left"), String::new);
    row.struck();
    let down = s.tstack(NAME, &["down"]);
    holds("`down` needs no room", down.code == Some(0), || down.all());
    row.converged();
    std::fs::remove_file(filler).unwrap();
    drop(disk);
    nothing_is_left(&before, &Snapshot::take(&s));
}

/// A small file system in the place of the state folder.
struct Disk(PathBuf);

impl Disk {
    fn mount(s: &Sandbox, size: &str) -> Self {
        let at = s.state();
        std::fs::create_dir(&at).unwrap();
        s.run("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tstack-e2e", text(&at)]).well();
        Self(at)
    }

    fn resize(&self, s: &Sandbox, size: &str) {
        s.run("mount", &["-o", &format!("remount,size={size}"), text(&self.0)]).well();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // lazily, since after a panic something may still have a file open there
        let ended = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
        let gone = ended.is_ok_and(|status| status.success()) && std::fs::remove_dir(&self.0).is_ok();
        assert!(gone || std::thread::panicking(), "{} stays mounted", self.0.display());
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
