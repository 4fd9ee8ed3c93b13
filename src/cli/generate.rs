//! `tstack generate`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use tokio_util::sync::CancellationToken;

use super::args::{Depth, Generate, Global};
use super::shown::{Shown, exit_code};
use super::{source, unless_cancelled};
use crate::env::Env;
use crate::failure::{Failure, FailureKind};
use crate::generate::{self, Decision, Dialogue, Document, Reply};
use crate::ops::{self, Wanted};
use crate::report;
use crate::spec::{self, ServiceSpec};
use crate::stack::{self, Object, Overrides};
use crate::world::{files, outputs, stdin};

/// The largest specification that is read.
const MAX_SPEC: usize = 4 << 20;

pub(super) async fn run(global: &Global, args: &Generate, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    if args.list {
        return list(shown);
    }
    if args.ask {
        return unless_cancelled(cancel.run_until_cancelled(ask(args, shown)).await);
    }
    let spec = unless_cancelled(cancel.run_until_cancelled(read(global, args.spec.as_deref().unwrap_or("-"), shown)).await)?;
    let documents = generate::objects(&spec);
    let into = args.into.as_deref().filter(|path| *path != Path::new("-"));
    let mut written = None;
    if args.stack {
        let folder =
            into.ok_or_else(|| Failure::usage("a stack is a folder").hint("Name it with -o: `tstack generate SPEC --stack -o DIR`."))?;
        written = Some(write(folder, &generate::stack_folder(&spec).files, args.force, "tstack up", shown)?);
    } else if let Some(folder) = into {
        let files = generate::files(&documents).into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect();
        written = Some(write(folder, &files, args.force, "kubectl apply --server-side -f", shown)?);
    }
    if let Some(depth) = args.check {
        return Box::pin(check(depth, (&spec, &documents), global, env, shown, cancel)).await;
    }
    if shown.json() {
        let generated = Generated {
            digest: &spec.digest,
            objects: documents.iter().map(Document::value).collect(),
            decisions: generate::decide(&spec),
            written: written.unwrap_or_default(),
        };
        shown.data(&report::json_line("generated", &generated))?;
    } else if args.explain {
        let text = report::decisions(&generate::decide(&spec), shown.mode.stdout);
        shown.data(&text)?;
    } else if into.is_none() {
        shown.data(&generate::render(&documents))?;
    }
    Ok(0)
}

/// Proves what was generated; 5 where something is refused.
async fn check(
    depth: Depth,
    (spec, documents): (&ServiceSpec, &[Document]),
    global: &Global,
    env: &Env,
    shown: &mut Shown,
    cancel: &CancellationToken,
) -> Result<u8, Failure> {
    let report = match depth {
        Depth::Schema => ops::check_schema(spec, documents)?,
        Depth::Server => {
            let (setup, _) = source::setup(global, env)?;
            let name = source::existing(global, &setup)?;
            let objects: Vec<Object> = documents.iter().map(|document| Object::new(document.value())).collect();
            unless_cancelled(cancel.run_until_cancelled(ops::check_server(&setup, &name, &Wanted::Own, &objects)).await)?
        }
        Depth::Live => return live(spec, global, env, shown, cancel).await,
    };
    let failed = report.failure().map(|failure| failure.kind.exit_code());
    let rows: Vec<report::Verdict> = report
        .verdicts
        .into_iter()
        .map(|verdict| report::Verdict { object: verdict.object.to_string(), warnings: verdict.warnings, refusal: verdict.refusal })
        .collect();
    let text = if shown.json() {
        report::json_line("checked", &serde_json::json!({"asked": report.asked, "objects": rows, "unproven": report.unproven}))
    } else {
        report::verdicts(&rows, &report.asked, &report.unproven, shown.mode.width, shown.mode.stdout)
    };
    shown.data(&text)?;
    Ok(failed.unwrap_or(0))
}

/// Applies what was generated in a throw-away namespace of a running stack, and sends requests.
async fn live(spec: &ServiceSpec, global: &Global, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let overrides = Overrides { architecture: source::architecture().to_owned(), ..Overrides::default() };
    let stack = stack::resolve(&generate::stack_folder(spec), &overrides).map_err(stack::Findings::into_failure)?;
    let report = ops::check_live(&setup, &name, &Wanted::Own, stack, shown.listener(&setup), cancel).await?;
    shown.checks(&report.told)?;
    for sentence in &report.unproven {
        let text = report::unproven(sentence, shown.mode.stderr);
        shown.say(&text);
    }
    Ok(exit_code(&report.told))
}

/// What a program gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generated<'a> {
    /// What tells the specification from any other.
    digest: &'a str,
    objects: Vec<Value>,
    decisions: Vec<Decision>,
    /// Paths of files that were written or are as they should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<String>,
}

fn list(shown: &mut Shown) -> Result<u8, Failure> {
    let all = generate::templates();
    let text =
        if shown.json() { report::json_line("templates", &all) } else { report::templates(&all, shown.mode.width, shown.mode.stdout) };
    shown.data(&text).map(|()| 0)
}

/// A specification by the name of a template, by its path, or from standard input. What is unusual in it is said.
async fn read(global: &Global, source: &str, shown: &mut Shown) -> Result<ServiceSpec, Failure> {
    let settings = source::assignments(&global.set)?;
    let path = Path::new(source);
    let looks_like_path = source.contains(std::path::MAIN_SEPARATOR) || path.extension().is_some();
    let (name, bytes) = match generate::template(source).filter(|_| !looks_like_path) {
        _ if source == "-" => ("standard input", stdin::all().await?),
        Some(text) => (source, text.as_bytes().to_vec()),
        None => match files::read_if_there(path).map_err(|failure| Failure { kind: FailureKind::Usage, ..failure })? {
            Some(bytes) => (source, bytes),
            None if looks_like_path => return Err(Failure::usage(format!("{source} does not exist"))),
            None => {
                let names: Vec<&str> = generate::templates().iter().map(|template| template.name).collect();
                return Err(Failure::usage(format!("there is no template `{source}`, and no file of that name"))
                    .why(format!("templates are: {}", names.join(", ")))
                    .hint("`tstack generate --list` shows what each is for; `tstack generate --ask` makes a specification of answers."));
            }
        },
    };
    if bytes.len() > MAX_SPEC {
        return Err(Failure::usage(format!("{name} is too large: {} MiB, and a specification has a few lines", bytes.len() >> 20)));
    }
    let (spec, warnings) = spec::read(name, &bytes, &settings).map_err(spec_failure)?;
    for warning in warnings {
        let text = report::warning(&warning.to_string(), shown.mode.stderr);
        shown.say(&text);
    }
    Ok(spec)
}

fn spec_failure(findings: crate::input::Findings) -> Failure {
    findings.into_failure().hint("`tstack schema service` prints every field; docs/generate.md explains them.")
}

/// Writes files and says which.
fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>, force: bool, next: &str, shown: &mut Shown) -> Result<Vec<String>, Failure> {
    let written = outputs::write_all(folder, files, force)?;
    let at = folder.display().to_string();
    let at = at.trim_end_matches('/');
    // `tstack up` takes a path only where it looks like one
    let place = if at.starts_with(['.', '/']) { at.to_owned() } else { format!("./{at}") };
    if !shown.json() {
        let next = format!("{next} {place}");
        let text = report::written(at, &written.changed, written.unchanged.len(), &written.removed, &next, shown.mode.stderr);
        shown.say(&text);
    }
    Ok(files.keys().map(|path| format!("{at}/{path}")).collect())
}

/// The questionnaire: questions on standard error, answers from standard input, so that it works in a pipe too.
async fn ask(args: &Generate, shown: &mut Shown) -> Result<u8, Failure> {
    let into = args.into.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = into.filter(|path| !args.force && path.exists()) {
        return Err(
            Failure::usage(format!("{} is there already", path.display())).hint("Choose another file, or give --force to replace it.")
        );
    }
    let mut dialogue = Dialogue::default();
    shown.ask("An empty line takes the default in brackets. ? explains a question, < goes back to the one before, Ctrl-D ends.\n");
    while let Some(prompt) = dialogue.prompt() {
        let text = report::prompt(&prompt, shown.mode.stderr);
        shown.ask(&text);
        let Some(line) = stdin::line().await? else {
            shown.ask("\n");
            return Err(Failure::new(FailureKind::Cancelled, "the answers ended before the questions did; nothing was written")
                .hint("Start again with `tstack generate --ask`; an empty line takes the default."));
        };
        match dialogue.take(&line) {
            Reply::Taken => {}
            Reply::Refused(why) => shown.ask(&format!("{}\n", why.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))),
            Reply::Explained(more) => shown.ask(&format!("  {more}\n")),
        }
    }
    let text = dialogue.specification();
    let Some(path) = into else {
        shown.data(&text)?;
        shown.say("\nSave it as a file, and then: tstack generate FILE\n");
        return Ok(0);
    };
    files::write_report(path, text.as_bytes())?;
    shown.say(&format!("\nWrote {0}. Next: tstack generate {0}\n", path.display()));
    Ok(0)
}
