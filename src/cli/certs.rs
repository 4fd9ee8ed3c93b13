//! `tstack certs`.

use tokio_util::sync::CancellationToken;

use super::args::{Certs, Global};
use super::shown::Shown;
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, TrustReport};
use crate::report;
use crate::world::clock;

pub(super) async fn run(global: &Global, what: Certs, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    match what {
        Certs::Show => {
            let stack = source::recorded(global, &setup, &name)?;
            let found = Box::pin(ops::certificates(&setup, &name, stack.as_ref())).await?;
            let text = if shown.json() {
                report::json_line("certificates", &found)
            } else {
                report::certificates(&found, clock::now(), shown.mode.width, shown.mode.stdout)
            };
            shown.data(&text)?;
        }
        Certs::Trust => told(&ops::trust(&setup, &name, cancel).await?, shown)?,
        Certs::Untrust => told(&ops::untrust(&setup, &name, cancel).await?, shown)?,
    }
    Ok(0)
}

fn told(done: &TrustReport, shown: &mut Shown) -> Result<(), Failure> {
    let list = |files: &[std::path::PathBuf]| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
    let (word, files, text) = match done {
        TrustReport::Trusted(file) => {
            let text = format!(
                "This system trusts the local CA now, by {}. Programs that run already may have to be started again.",
                file.display()
            );
            ("trusted", list(std::slice::from_ref(file)), text)
        }
        TrustReport::TrustedAlready(file) => {
            ("trusted", list(std::slice::from_ref(file)), format!("This system trusts the local CA already, by {}.", file.display()))
        }
        TrustReport::Untrusted(files) if files.is_empty() => {
            ("untrusted", Vec::new(), "This system does not trust the local CA.".to_owned())
        }
        TrustReport::Untrusted(files) => ("untrusted", list(files), "This system no longer trusts the local CA.".to_owned()),
        TrustReport::Changed(files) => {
            let text = format!("{} holds something else than tstack put there, and stays.", list(files).join(", "));
            ("changed", list(files), text)
        }
    };
    if shown.json() {
        shown.data(&report::json_line("trust", &serde_json::json!({"state": word, "files": files})))?;
    } else {
        shown.say(&format!("{text}\n"));
    }
    Ok(())
}
