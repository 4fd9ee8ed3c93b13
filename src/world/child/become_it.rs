//! What the hidden verb `child` does.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::loopback;
use crate::failure::{Failure, chain};

/// Becomes the program in the place of this one, to be ended by the kernel when `parent` ends. Returns only when that cannot be.
///
/// # Errors
/// Why: the parent is gone already, the system has no such signal, the program cannot be started.
#[must_use]
pub fn become_program(parent: u32, with_loopback: bool, line: &[OsString]) -> Failure {
    let Some((program, args)) = line.split_first() else { return Failure::usage("no program is named") };
    let name = program.to_string_lossy();
    if let Err(why) = die_with(parent) {
        return Failure::step(format!("`{name}` was not started")).why(why);
    }
    if with_loopback && let Err(e) = loopback::up() {
        return Failure::step(format!("`{name}` was not started: its loopback interface cannot be brought up")).why(chain(&e));
    }
    let error = Command::new(program).args(args).exec();
    Failure::step(format!("`{name}` cannot be started")).because(&error)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn die_with(parent: u32) -> Result<(), String> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| e.to_string())?;
    // a parent that ended before that call sends nothing
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(format!("its parent {parent} has ended")) }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn die_with(_parent: u32) -> Result<(), String> {
    Err("only Linux ends a program together with its parent".to_owned())
}
