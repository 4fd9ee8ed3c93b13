//! `tstack snapshot`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::{Global, Provider, Snapshot, Up};
use super::shown::{Shown, exit_code};
use super::{source, up};
use crate::env::Env;
use crate::failure::Failure;
use crate::ops::{self, Keeping, KeptImage, Made, UpOptions};
use crate::report;
use crate::state::{Record, StateFolder};

pub(super) async fn run(global: &Global, what: &Snapshot, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    match what {
        Snapshot::Bake { stack } => {
            let (setup, config_set) = source::setup(global, env)?;
            let options = source::options(global, &plain(stack), env, (&setup, config_set))?;
            let made = ops::bake(&setup, options, shown.listener(&setup), cancel).await?;
            done(&made, "holds all images of the stack; `tstack up` uses it by itself.", shown)
        }
        Snapshot::Save => save(global, env, shown, cancel).await,
        Snapshot::List => list(global, env, shown).await,
        Snapshot::Restore(asked) => {
            let (setup, config_set) = source::setup(global, env)?;
            // what a snapshot holds is a kind cluster
            let asked = Up { provider: Provider::Kind, ..(**asked).clone() };
            let options = UpOptions { keeping: Keeping::Snapshot, ..source::options(global, &asked, env, (&setup, config_set))? };
            up::with(global, &asked, (&setup, options), env, shown, cancel).await
        }
        Snapshot::Rm { names, all } => remove(global, names, *all, env, shown).await,
    }
}

/// `up` of a stack as it is on kind.
fn plain(stack: &str) -> Up {
    Up {
        stack: stack.to_owned(),
        context: None,
        kubeconfig: None,
        allow_remote: false,
        provider: Provider::Kind,
        expose: super::args::Expose::default(),
        port: super::args::Ports::default(),
        no_verify: false,
        no_snapshot: false,
        new_ca: false,
        export_kubeconfig: None,
    }
}

async fn save(global: &Global, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let missing = || Failure::preflight(format!("there is no `{name}` to save")).hint("`tstack up` brings a stack up.");
    let stack = source::recorded(global, &setup, &name)?.ok_or_else(missing)?;
    let record = Record::read(&StateFolder::new(&setup.state, &name))?.ok_or_else(missing)?;
    let options = UpOptions {
        stack,
        source: record.source,
        profiles: record.profiles,
        set: record.set,
        name,
        wanted: ops::Wanted::Own,
        exposing: record.exposing,
        checks: true,
        keeping: Keeping::Nothing,
        ports: record.ports,
        choose_ports: None,
        new_authority: false,
        export: None,
    };
    let made = ops::save(&setup, options, shown.listener(&setup), cancel).await?;
    done(&made, "holds the stack with the keys of its cluster; `tstack up` uses it by itself, `tstack snapshot rm` removes it.", shown)
}

fn done(made: &Made, text: &str, shown: &mut Shown) -> Result<u8, Failure> {
    let code = made.told.as_ref().map_or(0, exit_code);
    if code == 0 {
        if shown.json() {
            shown.data(&report::json_line("summary", &json!({"image": made.name, "made": made.told.is_some()})))?;
        } else {
            shown.say(&format!("{} {text}\n", made.name));
        }
    }
    Ok(code)
}

async fn list(global: &Global, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let all = ops::kept(&setup).await?;
    let text = if shown.json() {
        report::json_line("snapshots", &all.iter().map(wire).collect::<Vec<_>>())
    } else if all.is_empty() {
        shown.say("There is no snapshot and no baked node image.\n");
        return Ok(0);
    } else {
        report::table(&HEADS, &all.iter().map(row).collect::<Vec<_>>(), shown.mode.width, shown.mode.stdout)
    };
    shown.data(&text)?;
    Ok(0)
}

fn wire(image: &KeptImage) -> serde_json::Value {
    let mut value = json!({
        "image": image.name, "kind": if image.snapshot.is_some() { "snapshot" } else { "baked" },
        "node": image.node, "size": image.size, "created": image.created,
    });
    if let Some(state) = &image.snapshot {
        value["stack"] = json!(state.stack);
        value["name"] = json!(state.cluster);
        value["expires"] = json!(state.expires);
    }
    value
}

/// What the columns of the list are.
const HEADS: [&str; 5] = ["image", "kind", "of", "size ", "made"];

fn row(image: &KeptImage) -> Vec<String> {
    let (kind, of) = match &image.snapshot {
        Some(state) if state.stack == state.cluster => ("snapshot", state.stack.clone()),
        Some(state) => ("snapshot", format!("{} as {}", state.stack, state.cluster)),
        None => ("baked node", image.node.clone()),
    };
    let made = image.created.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    vec![image.name.clone(), kind.to_owned(), of, report::bytes(image.size), made.unwrap_or_default()]
}

async fn remove(global: &Global, names: &[String], all: bool, env: &Env, shown: &mut Shown) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let removed = ops::remove(&setup, names, all).await?;
    if shown.json() {
        shown.data(&report::json_line("summary", &json!({"removed": removed})))?;
    } else if removed.is_empty() {
        shown.say("Nothing to remove.\n");
    } else {
        shown.say(&format!("Removed {}.\n", removed.join(", ")));
    }
    Ok(0)
}
