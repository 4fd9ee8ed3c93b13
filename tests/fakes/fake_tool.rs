//! Plays kind and helm in tests: the program that it is called as, by the script that the test wrote.
//!
//! `FAKE_SCRIPT` names a JSON list of rules; the first whose `when` begins the command line (`kind create`) decides. Every call
//! is noted in `calls.jsonl` beside the script. A rule that hangs holds a lock on `held` beside the script for as long as the
//! process lives, so that a test can wait for its end without asking again and again.
#![expect(clippy::disallowed_methods, reason = "it is told by its environment what to play, and reads and writes beside its script")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it plays programs that print")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

/// One line of the script.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rule {
    when: String,
    stdout: String,
    stderr: String,
    exit: u8,
    /// Does not end by itself, as far as a test can see.
    hang: bool,
    /// Does not end on SIGTERM either.
    deaf: bool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().collect();
    let name = Path::new(&words[0]).file_name().ok_or("called by no name")?.to_string_lossy().into_owned();
    words[0] = name;
    let line = words.join(" ");
    let script = PathBuf::from(std::env::var_os("FAKE_SCRIPT").ok_or("FAKE_SCRIPT is not set")?);
    let mut calls = OpenOptions::new().append(true).create(true).open(script.with_file_name("calls.jsonl"))?;
    // what it could find a cluster by
    let clusters = |name: &str| name.starts_with("KUBE") || name.starts_with("HELM_KUBE") || name == "HELM_DRIVER";
    let env: BTreeMap<String, String> = std::env::vars().filter(|(name, _)| clusters(name)).collect();
    calls.write_all(format!("{}\n", json!({"line": line, "pid": std::process::id(), "env": env})).as_bytes())?;
    let rules: Vec<Rule> = serde_json::from_slice(&fs::read(&script)?)?;
    let Some(rule) = rules.into_iter().find(|rule| line.starts_with(&rule.when)) else {
        eprintln!("the test's script has no rule for `{line}`");
        return Ok(ExitCode::from(99));
    };
    if rule.hang {
        hang(&rule, &script)?;
    }
    print!("{}", rule.stdout);
    eprint!("{}", rule.stderr);
    Ok(ExitCode::from(rule.exit))
}

/// Says what it has to say when the lock is held and, if it is deaf, no signal reaches it any more.
fn hang(rule: &Rule, script: &Path) -> Result<(), Box<dyn Error>> {
    let held = File::create(script.with_file_name("held"))?;
    held.lock()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        let _deaf = if rule.deaf { Some(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?) } else { None };
        eprintln!("{}", rule.stderr);
        // until the sandbox goes, where the tstack that started it was killed; and not for ever, where the test itself was
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
        let gone = async {
            while script.exists() {
                looks.tick().await;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_mins(5), gone).await;
        Ok::<(), std::io::Error>(())
    })?;
    Ok(())
}
