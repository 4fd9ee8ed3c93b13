//! `tstack pause` and `tstack resume`.

use tokio_util::sync::CancellationToken;

use super::args::{Global, Pause};
use super::shown::{Shown, exit_code};
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, Told};
use crate::report;

pub(super) async fn pause(global: &Global, args: &Pause, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let told = ops::pause(&setup, &name, args.release_memory, shown.listener(&setup), cancel).await?;
    done(told.as_ref(), &format!("`{name}` rests; `tstack resume --name {name}` lets it go on."), shown)
}

pub(super) async fn resume(global: &Global, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let told = ops::resume(&setup, &name, shown.listener(&setup), cancel).await?;
    // what was stopped has its pods to start; what was frozen is as it was
    done(told.as_ref(), &format!("`{name}` goes on; `tstack status --name {name}` shows how it is."), shown)
}

/// Says how it is now, also where nothing was to be done.
fn done(told: Option<&Told>, text: &str, shown: &mut Shown) -> Result<u8, Failure> {
    let code = told.map_or(0, exit_code);
    if code != 0 {
        return Ok(code);
    }
    if shown.json() {
        let steps = told.map_or(0, |told| told.outcome.done.len());
        shown.data(&report::json_line("summary", &serde_json::json!({"steps": steps})))?;
    } else {
        shown.say(&format!("{text}\n"));
    }
    Ok(0)
}
