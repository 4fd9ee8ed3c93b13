//! `tstack down`.

use tokio_util::sync::CancellationToken;

use super::args::{Down, Global};
use super::shown::{Shown, exit_code};
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, DownOptions};
use crate::report;

pub(super) async fn run(global: &Global, args: &Down, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let options = DownOptions { keep_cluster: args.keep_cluster, forget: args.forget };
    let report = ops::down(&setup, &name, options, shown.listener(&setup), cancel).await?;
    match &report.told {
        None if shown.json() => shown.data(&report::json_line("summary", &serde_json::json!({"removed": 0})))?,
        None => shown.say(&format!("Nothing to remove: there is no `{name}`.\n")),
        Some(told) => {
            if let Some(line) = report::kept(report.kept).filter(|_| !shown.json()) {
                shown.say(&line);
            }
            return Ok(exit_code(told));
        }
    }
    Ok(0)
}
