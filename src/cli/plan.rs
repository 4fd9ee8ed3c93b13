//! `tstack plan`.

use serde::Serialize;

use super::args::{Global, PlanArgs};
use super::shown::Shown;
use super::{lint, source};
use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::plan::Plan;
use crate::{ops, report};

/// A plan as scripts see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// Seconds that it took to decide, all looking done.
    decided_in: f64,
}

pub(super) async fn run(global: &Global, args: &PlanArgs, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, config_set) = source::setup(global, env)?;
    let options = source::options(global, &args.up, env, config_set)?;
    lint::first(global, &args.up.stack, &options, env, shown)?;
    let ops::Planned { plan, chosen, decided_in } = Box::pin(ops::plan(&setup, options)).await?;
    if let Some(chosen) = chosen.filter(|_| !shown.json()) {
        shown.say(&format!("{chosen}\n"));
    }
    if shown.json() {
        shown.data(&report::json_line("plan", &Told { plan: &plan, decided_in: decided_in.as_secs_f64() }))?;
    } else if plan.is_empty() {
        shown.say("Nothing to do: everything is as the stack wants it.\n");
    } else {
        shown.data(&plan.text())?;
    }
    Ok(if args.exit_code && !plan.is_empty() { FailureKind::Pending.exit_code() } else { 0 })
}
