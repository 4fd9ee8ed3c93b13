//! Starts a program that outlives this one. To become a part of `process.rs` when both are there.
#![expect(clippy::disallowed_methods, reason = "starts programs, as world::process does; the two are to be one")]

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts `program` with no terminal, both outputs in `log`, and in a process group of its own, so that neither Ctrl-C nor
/// the end of this program ends it. The child should ignore SIGHUP, which a closing terminal sends to its whole session.
///
/// The answer serves to see that it ended ([`Child::try_wait`]); dropping it leaves the program alone.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_detached<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>, log: File) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_detached_program_has_its_own_group_and_writes_to_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut child =
            spawn_detached(Path::new("/bin/sh"), ["-c", "ps -o pgid= -p $$; echo trouble >&2; cat"], log.reopen().unwrap()).unwrap();
        let id = child.id();
        assert!(child.wait().unwrap().success());
        let text = fs_err::read_to_string(log.path()).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words, [id.to_string().as_str(), "trouble"]);
    }
}
