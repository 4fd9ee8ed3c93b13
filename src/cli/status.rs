//! `tstack status`.

use super::args::{Global, StatusArgs};
use super::shown::Shown;
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::world::clock;
use crate::{ops, report};

pub(super) async fn run(global: &Global, _: &StatusArgs, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let stack = source::recorded(global, &setup, &name)?;
    let status = Box::pin(ops::status(&setup, &name, stack.as_ref())).await?;
    let text = if shown.json() {
        report::json_line("status", &status)
    } else {
        report::status(&status, clock::now(), shown.mode.width, shown.mode.stdout)
    };
    shown.data(&text)?;
    Ok(status.health.exit_code())
}
