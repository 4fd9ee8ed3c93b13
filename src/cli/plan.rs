//! `tstack plan`.

use super::args::{Global, PlanArgs};
use super::shown::Shown;
use super::{lint, source};
use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::{ops, report};

pub(super) async fn run(global: &Global, args: &PlanArgs, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, config_set) = source::setup(global, env)?;
    let options = source::options(global, &args.up, env, (&setup, config_set))?;
    lint::first(global, &args.up.stack, &options, env, shown)?;
    let planned = Box::pin(ops::plan(&setup, options)).await?;
    let plan = &planned.plan;
    if !shown.json() {
        planned.notes.iter().for_each(|note| shown.say(&format!("{note}\n")));
    }
    if shown.json() {
        shown.data(&report::json_line("plan", &planned))?;
    } else if plan.is_empty() {
        shown.say("Nothing to do: everything is as the stack wants it.\n");
    } else {
        shown.data(&plan.text())?;
    }
    Ok(if args.exit_code && !plan.is_empty() { FailureKind::Pending.exit_code() } else { 0 })
}
