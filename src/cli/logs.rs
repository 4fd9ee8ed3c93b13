//! `tstack logs`.

use tokio::sync::Notify;

use super::args::{Global, Logs};
use super::shown::Shown;
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::LogsOptions;
use crate::{ops, report};

pub(super) async fn run(global: &Global, args: &Logs, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let stack = source::recorded(global, &setup, &name)?
        .ok_or_else(|| Failure::preflight(format!("`{name}` is not up")).hint("`tstack up` brings it up."))?;
    let options = LogsOptions {
        components: args.components.clone(),
        follow: args.follow,
        since: args.since.clone(),
        last: args.last,
        grep: args.grep.clone(),
    };
    let names: Vec<String> = stack.components.iter().map(|component| component.name.clone()).collect();
    let asked = |name: &&String| args.components.is_empty() || args.components.contains(name);
    let width = names.iter().filter(asked).map(String::len).max().unwrap_or_default();
    let (json, paint) = (shown.json(), shown.mode.stdout);
    // who listened is gone: a pipe that was closed
    let (mut broken, gone) = (None, Notify::new());
    let mut on_line = |line: ops::LogLine| {
        let text = if json {
            report::json_line("log", &line)
        } else {
            let voice = names.iter().position(|name| *name == line.component).unwrap_or_default();
            report::log_line(&line.component, &line.from, line.time, &line.text, (voice, width), paint)
        };
        if let Err(failure) = shown.data(&text) {
            broken.get_or_insert(failure);
            gone.notify_one();
        }
    };
    tokio::select! {
        ended = ops::logs(&setup, &name, &stack, options, &mut on_line) => ended?,
        () = gone.notified() => {}
    }
    broken.map_or(Ok(0), Err)
}
