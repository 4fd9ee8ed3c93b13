//! `tstack lint`.

use super::args::{Global, Level, Lint};
use super::shown::Shown;
use super::source;
use crate::failure::{Failure, FailureKind};
use crate::lint::{Profile, Settings, Severity};
use crate::ops::{self, LintOptions};
use crate::{report, stack};

pub(super) fn run(global: &Global, args: &Lint, shown: &mut Shown) -> Result<u8, Failure> {
    let mut settings = Settings::default();
    for text in &args.rule {
        settings.set(text).map_err(|why| Failure::usage(format!("--rule {text}")).why(why))?;
    }
    let options = LintOptions {
        paths: args.paths.clone(),
        markdown: args.markdown,
        settings,
        profile: if args.production { Profile::Production } else { Profile::Local },
        complete: args.complete,
        overrides: stack::Overrides { set: source::assignments(&global.set)?, ..source::overrides(&global.profile) },
    };
    let report = ops::lint(&options)?;
    for note in &report.notes {
        shown.say(&format!("{note}\n"));
    }
    shown.data(&report::lint(&report.findings, report.files, report.objects, shown.mode.stdout))?;
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let limit = match args.deny {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Note => Severity::Note,
    };
    Ok(if worst >= Some(limit) { FailureKind::Check.exit_code() } else { 0 })
}
