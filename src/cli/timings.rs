//! `tstack timings`.

use super::args::{Global, TimingsArgs};
use super::shown::Shown;
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, Asked, Timed};
use crate::report;
use crate::world::files;

pub(super) fn run(global: &Global, args: &TimingsArgs, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = match (&args.file, &args.compare[..]) {
        // several clusters are no trouble where none is asked for
        (Some(_), _) => String::new(),
        (None, [a, b]) if [a, b].iter().all(|which| which.parse::<usize>().is_err()) => String::new(),
        _ => source::existing(global, &setup)?,
    };
    let asked = match (&args.compare[..], args.list) {
        ([a, b], _) => Asked::Two([a.clone(), b.clone()]),
        (_, true) => Asked::All,
        _ => Asked::One(args.run),
    };
    let told = ops::timings(&setup, &name, args.file.as_deref(), &asked)?;
    let (width, paint) = (shown.mode.width, shown.mode.stdout);
    let text = match &told {
        Timed::All(all) if shown.json() => report::json_line("timings.list", &all.iter().map(report::TimingsLine::of).collect::<Vec<_>>()),
        Timed::One(one) if shown.json() => report::json_line("timings", one),
        Timed::Two(two) if shown.json() => report::json_line("timings.compare", two),
        Timed::All(all) => report::timings_list(all, width, paint),
        Timed::One(one) => report::timings(one, width, paint),
        Timed::Two(two) => report::timings_compared(two, width, paint),
    };
    shown.data(&text)?;
    if let (Some(path), Timed::One(one)) = (&args.html, &told) {
        files::write_report(path, report::timings_html(one).as_bytes())?;
        if !shown.json() {
            shown.say(&format!("\n{} shows it as a page\n", path.display()));
        }
    }
    Ok(0)
}
