//! Everything that would make the plan fail, found before its first step, and told at once.
//!
//! What is looked at is a list of items, each with its state, its words and its remedies: the errors stop a run, the warnings are told as
//! notes, and the whole list is there for whoever wants to see it. Facts come from `world`; what they mean is judged by pure functions.

mod engine;
mod item;
mod kernel;
mod needs;
mod ports;
mod proxy;
mod registries;
mod storage;

use futures::future::OptionFuture;

use self::needs::{Need, Needs};
use super::session::{Programs, Session};
use crate::failure::Failure;
use crate::forward;
use crate::plan::Plan;
use crate::stack::Stack;
use crate::state::Target;
use crate::supervise::Client;
use crate::world::engine::{Container, Engine, State as Running};
use crate::world::helm::Helm;
use crate::world::{clock, machine, programs};

pub use item::{Item, State, Subject};

/// Looks at what the plan will need, and gives the programs that it runs, and a note for each thing that may go wrong.
///
/// # Errors
/// One preflight failure with every problem; nothing was changed by then.
pub(super) async fn check(stack: &Stack, plan: &Plan, session: &Session) -> Result<(Programs, Vec<String>), Failure> {
    let needs = Needs::of(plan, session.sight.supervisor.is_some());
    let (programs, mut items) = find_programs(&needs, session).await;
    items.extend(look(stack, plan, &needs, session).await?);
    item::failure(&items).map_or_else(|| Ok((programs, item::notes(&items))), Err)
}

/// Looks for the programs that the plan runs, and for nothing else.
///
/// # Errors
/// One preflight failure that names every program that is not as needed.
pub(super) async fn programs(plan: &Plan, session: &Session) -> Result<Programs, Failure> {
    let (programs, items) = find_programs(&Needs::of(plan, true), session).await;
    item::failure(&items).map_or(Ok(programs), Err)
}

async fn find_programs(needs: &Needs, session: &Session) -> (Programs, Vec<Item>) {
    let search = &session.setup.path;
    let (kind, helm) = tokio::join!(
        OptionFuture::from(needs.has(Need::Kind).then(|| programs::kind(search))),
        OptionFuture::from(needs.has(Need::Helm).then(|| programs::helm(search))),
    );
    let mut items = Vec::new();
    let mut note = |subject: Subject, found: Result<String, Failure>| {
        items.push(found.map_or_else(|failure| Item::failed(subject, failure), |path| Item::ok(subject, path)));
    };
    if let Some(kind) = &kind {
        note(Subject::Kind, kind.as_ref().map(|kind| kind.program.display().to_string()).map_err(Clone::clone));
    }
    if let Some(helm) = &helm {
        note(Subject::Helm, helm.as_ref().map(|helm| format!("{} {}", helm.path.display(), helm.version)).map_err(Clone::clone));
    }
    let helm = helm.and_then(Result::ok).map(|tool| Helm {
        program: tool.path,
        kubeconfig: session.kubeconfig(),
        context: match &session.record.target {
            Target::Kind { .. } | Target::Host => None,
            Target::Context { context, .. } => Some(context.clone()),
        },
        cache: session.folder.helm(),
    });
    (Programs { kind: kind.and_then(Result::ok), helm }, items)
}

/// Everything but the programs.
async fn look(stack: &Stack, plan: &Plan, needs: &Needs, session: &Session) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    let containers = match &session.engine {
        Some(engine) if needs.has(Need::Node) || !needs.ports.is_empty() => engine.containers(&[]).await?,
        _ => Vec::new(),
    };
    if !needs.ports.is_empty() {
        let ours = forward::status(&session.folder.path()).await?;
        items.extend(ports::look(&needs.ports, &containers, ours.as_ref())?);
    }
    if let Some(engine) = &session.engine {
        items.extend(of_engine(stack, needs, session, engine, &containers).await?);
    }
    if needs.has(Need::State) {
        items.extend(storage::of_state(&session.folder.path()));
    }
    if needs.has(Need::Node) {
        items.push(proxy::proxy(&session.setup.proxies));
    }
    if needs.has(Need::Daemon) {
        let folder = session.folder.path();
        items.push(match forward::fits(&folder).and_then(|()| Client::fits(&folder)) {
            Ok(()) => Item::ok(Subject::StatePath, folder.display().to_string()),
            Err(failure) => Item::failed(Subject::StatePath, failure),
        });
    }
    items.extend(registries::look(stack, plan, session).await);
    Ok(items)
}

/// What the engine and its machine offer.
async fn of_engine(
    stack: &Stack,
    needs: &Needs,
    session: &Session,
    engine: &Engine,
    containers: &[Container],
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    if !(needs.has(Need::Node) || needs.has(Need::Images)) {
        return Ok(items);
    }
    let info = engine.info().await?;
    if needs.has(Need::Node) {
        items.push(engine::version(&info));
        items.extend(engine::capacity(&stack.cluster, &info));
        items.push(engine::cgroup(&stack.cluster.image, &info));
        let file = machine::changed(&session.setup.program).map(|at| at.duration_since(clock::now()));
        items.push(engine::clock(&info, file));
        let limit = |name: &str| machine::is_here(&info).then(|| machine::kernel_number(name)).flatten();
        let running = containers.iter().filter(|one| one.state == Running::Running && one.kind_cluster().is_some()).count();
        items.push(kernel::inotify(limit("fs/inotify/max_user_instances"), limit("fs/inotify/max_user_watches"), running));
    }
    if needs.has(Need::Images) {
        items.extend(storage::of_engine(machine::engine_disk(&info).as_deref(), stack.cluster.min_disk));
    }
    Ok(items)
}
