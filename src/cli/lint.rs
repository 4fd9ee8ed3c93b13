//! `tstack lint`.

use super::args::{Format, Global, Level, Lint};
use super::shown::Shown;
use super::source;
use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::lint::{Profile, Settings, Severity};
use crate::ops::{self, Fixing, LintOptions, LintReport, UpOptions, Wanted};
use crate::{report, stack};

pub(super) fn run(global: &Global, args: &Lint, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let options = LintOptions {
        paths: args.paths.clone(),
        markdown: args.markdown,
        settings: settings(global, args, env)?,
        profile: if args.production { Profile::Production } else { Profile::Local },
        complete: args.complete,
        overrides: stack::Overrides { set: source::assignments(&global.set)?, ..source::overrides(&global.profile) },
        fixing: match (args.fix, args.diff) {
            (_, true) => Fixing::Shown,
            (true, false) => Fixing::Made,
            (false, false) => Fixing::No,
        },
    };
    let report = ops::lint(&options)?;
    show(&report, args, shown)?;
    let limit = match args.deny {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Note => Severity::Note,
    };
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    Ok(if worst >= Some(limit) { FailureKind::Check.exit_code() } else { 0 })
}

/// Looks at the manifests of a stack before anything is touched: an error ends the run, of warnings their number is told.
///
/// # Errors
/// Of kind usage, with every error.
pub(super) fn first(global: &Global, source: &str, options: &UpOptions, env: &Env, shown: &mut Shown) -> Result<(), Failure> {
    let stack = &options.stack;
    // a cluster of our own holds nothing else; on somebody else's a stack may build on what is there
    let complete = !matches!(options.wanted, Wanted::Context { .. });
    let findings = ops::lint_stack(stack, complete, &source::lint_settings(global, env)?);
    let (errors, rest): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.severity == Severity::Error);
    if let Some(first) = errors.first() {
        let what = format!("the manifests of `{}` have {}", stack.name, report::plural(errors.len(), "error"));
        let mut failure = Failure::usage(what);
        failure.why = errors
            .iter()
            .map(|finding| {
                format!("{}:{}:{}: {}: {}\n{}", finding.file, finding.line, finding.column, finding.rule, finding.message, finding.source)
            })
            .collect();
        failure.hints = errors.iter().map(|finding| finding.remedy.clone()).collect();
        failure.hints.dedup();
        return Err(failure
            .hint(format!("`tstack explain {0}` tells more; `# tstack: ignore {0} because ..` above the place accepts it.", first.rule)));
    }
    let warnings = rest.iter().filter(|finding| finding.severity == Severity::Warning).count();
    if warnings > 0 {
        if shown.json() {
            shown.data(&report::json_line("lint", &serde_json::json!({"warnings": warnings})))?;
        } else {
            shown.say(&format!("{}: tstack lint {source}\n", report::plural(warnings, "warning")));
        }
    }
    Ok(())
}

/// What the configuration says of rules, and then the command line.
fn settings(global: &Global, args: &Lint, env: &Env) -> Result<Settings, Failure> {
    let mut settings = source::lint_settings(global, env)?;
    if args.strict {
        settings.set("TS107=error").map_err(Failure::internal)?;
    }
    for text in &args.rule {
        settings
            .set(text)
            .map_err(|why| Failure::usage(format!("--rule {text}")).why(why).hint("It is written RULE=LEVEL, such as TS304=off."))?;
    }
    Ok(settings)
}

fn show(report: &LintReport, args: &Lint, shown: &mut Shown) -> Result<(), Failure> {
    let (findings, files, objects) = (&report.findings, report.files, report.objects);
    let format = args.format.unwrap_or(if shown.json() { Format::Json } else { Format::Human });
    if format != Format::Json {
        for note in &report.notes {
            shown.say(&format!("{note}\n"));
        }
    }
    for file in &report.fixed {
        if args.diff {
            shown.data(&report::diff(&file.file, &file.before, &file.after, shown.mode.stdout))?;
        }
        let word = if args.diff { "would fix" } else { "fixed" };
        file.done.iter().for_each(|line| shown.say(&format!("{word} {line}\n")));
        file.left.iter().for_each(|line| shown.say(&format!("not fixed {line}\n")));
    }
    if args.diff {
        return Ok(());
    }
    let text = match format {
        Format::Human => report::lint(findings, files, objects, shown.mode.stdout),
        Format::Json => report::lint_json(findings, &report.notes, files, objects),
        Format::Sarif => report::lint_sarif(findings, env!("CARGO_PKG_VERSION")),
        Format::Github => report::lint_github(findings),
    };
    shown.data(&text)
}
