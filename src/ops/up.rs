//! `up`: from what is to what the stack wants; and `plan`, which shows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::free_ports::{self, PortChoice};
use super::kept;
use super::preflight;
use super::session::{Programs, Session, Setup, Wanted, before_the_first_step};
use crate::event::Event;
use crate::failure::Failure;
use crate::observe;
use crate::plan::{self, ClusterFact, Exposing, HostFact, Observed, Plan, UpRequest};
use crate::stack::{Component, ComponentKind, Exposure, Stack};
use crate::state::{Record, Target};
use crate::world::kubeconfig::is_current;
use crate::world::{clock, files};

/// What the user asked for.
pub struct UpOptions {
    /// The stack.
    pub stack: Stack,
    /// Where it came from, to find it again.
    pub source: String,
    /// Profiles chosen.
    pub profiles: Vec<String>,
    /// Values set.
    pub set: Vec<(String, String)>,
    /// The name of the cluster.
    pub name: String,
    /// Which cluster.
    pub wanted: Wanted,
    /// How services get onto localhost.
    pub exposing: Exposing,
    /// Whether the checks run at the end.
    pub checks: bool,
    /// What may stand for work done before.
    pub keeping: Keeping,
    /// Ports that are other than the stack's own, by parameter; the stack has them already.
    pub ports: BTreeMap<String, u16>,
    /// What other ports are chosen from, where that is wanted.
    pub choose_ports: Option<PortChoice>,
    /// Whether a new local CA takes the place of the one that is there.
    pub new_authority: bool,
    /// The user's kubeconfig into which the cluster is to be put.
    pub export: Option<PathBuf>,
}

impl UpOptions {
    fn request(&self) -> UpRequest {
        UpRequest { exposing: self.exposing, checks: self.checks, new_authority: self.new_authority }
    }
}

/// What may stand for work done before, where the cluster is yet to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nothing: everything is made anew.
    Nothing,
    /// A snapshot of the stack or a baked node image, where one fits.
    WhatFits,
    /// A snapshot, or it is a failure.
    Snapshot,
}

/// What `up` did.
pub struct UpReport {
    /// What came of the plan; `None` when there was nothing to do.
    pub told: Option<Told>,
    /// The record as it is now.
    pub record: Record,
    /// The kubeconfig with which the cluster is reached, where there is one.
    pub kubeconfig: Option<PathBuf>,
    /// What is reached on localhost, and where.
    pub exposed: Vec<Exposure>,
    /// What a person should know of how it runs.
    pub notes: Vec<String>,
    /// The certificate of the local CA, where there is one.
    pub authority: Option<PathBuf>,
}

/// Brings the stack up.
///
/// # Errors
/// Before the first side effect: what makes it impossible. A failed step is in the report, not here.
pub async fn up(setup: &Setup, mut options: UpOptions, mut listener: Listener, cancel: &CancellationToken) -> Result<UpReport, Failure> {
    let mut session = Session::open(setup, &options.name, &options.wanted, Some("up")).await?;
    for text in session.mended.iter().chain(&session.chosen) {
        listener(&Event::Note { text: text.clone() }, setup.began.elapsed());
    }
    if let Some(text) = keep_private(&session)? {
        listener(&Event::Note { text }, setup.began.elapsed());
    }
    if session.recorded && !session.record.stack.is_empty() && session.record.stack != options.stack.name {
        return Err(Failure::preflight(format!("`{}` runs the stack `{}`", options.name, session.record.stack))
            .hint(format!("Give `{}` a cluster of its own with --name, or `tstack down` first.", options.stack.name)));
    }
    for text in free_ports::choose(&mut session, &mut options).await? {
        listener(&Event::Note { text }, setup.began.elapsed());
    }
    session.record.ports.clone_from(&options.ports);
    let exposed = options.stack.expose.clone();
    let kept::Restoring { plan, note } = kept::restore(&session, &options.stack, options.keeping).await?;
    if let Some(text) = note {
        listener(&Event::Note { text }, Duration::ZERO);
    }
    if let Some(plan) = plan {
        let told = restore(&mut session, &options, &plan, &mut listener, cancel).await?;
        if told.outcome.failure().is_some() {
            return Ok(UpReport::of(&session, exposed, Some(told)).await);
        }
    }
    if matches!(session.sight.fact, ClusterFact::Stopped | ClusterFact::Paused | ClusterFact::Silent) {
        // what a cluster holds is seen only once it answers: it is started before anything else is decided
        let told = start(&session, &mut listener, cancel).await?;
        if told.outcome.failure().is_some() {
            return Ok(UpReport::of(&session, exposed, Some(told)).await);
        }
        session.look().await?;
    }
    let request = options.request();
    let (stack, host) = session.fit(options.stack).await.map_err(before_the_first_step)?;
    if let Some(text) = authority_lasts(&session, &stack, request)? {
        listener(&Event::Note { text }, setup.began.elapsed());
    }
    let (plan, _) = decide(&session, &stack, host, request, (options.keeping, options.export.as_deref())).await?;
    let (programs, notes) = preflight::check(&stack, &plan, &session).await.map_err(before_the_first_step)?;
    tell(notes, setup, &mut listener);
    begin(&mut session, &stack, (&options.source, &options.profiles, &options.set), options.exposing)?;
    let stack = Arc::new(stack);
    let context = session.context(Some(Arc::clone(&stack)), programs);
    let told = if plan.is_empty() {
        None
    } else {
        let told = drive("up", &session.target_name(), &plan, Arc::clone(&context), &mut listener, cancel).await?;
        let all = options.checks && told.outcome.failure().is_none() && !told.checks.is_empty();
        if all {
            context.note(|record| record.verified = Some(told.verified(&stack)))?;
        }
        Some(told)
    };
    session.record = context.record();
    Ok(UpReport::of(&session, exposed, told).await)
}

/// Tells what may go wrong, before anything is begun.
fn tell(notes: Vec<String>, setup: &Setup, listener: &mut Listener) {
    for text in notes {
        listener(&Event::Note { text }, setup.began.elapsed());
    }
}

/// Takes what lies in the state folder from other users; what is told where they could read it.
fn keep_private(session: &Session) -> Result<Option<String>, Failure> {
    let open: Vec<String> = session.folder.make_private()?.iter().map(|path| path.display().to_string()).collect();
    let told = || format!("Other users could read {}, and can no longer. `tstack down` and `up` make new keys.", open.join(" and "));
    Ok((!open.is_empty()).then(told))
}

/// Notes what is about to be made, and for whom.
fn begin(
    session: &mut Session,
    stack: &Stack,
    (source, profiles, set): (&str, &[String], &[(String, String)]),
    exposing: Exposing,
) -> Result<(), Failure> {
    session.folder.create()?;
    stack.name.clone_into(&mut session.record.stack);
    source.clone_into(&mut session.record.source);
    profiles.clone_into(&mut session.record.profiles);
    set.clone_into(&mut session.record.set);
    session.record.exposing = exposing;
    session.record.host_ports = free_ports::host_ports(stack);
    let needs = |component: &Component| component.needs.iter().map(|need| need.component.clone()).collect();
    session.record.needs.extend(stack.components.iter().map(|component| (component.name.clone(), needs(component))));
    session.record.write(&session.folder)
}

/// Makes the cluster from a snapshot, and looks at what is in it.
async fn restore(
    session: &mut Session,
    options: &UpOptions,
    plan: &Plan,
    listener: &mut Listener,
    cancel: &CancellationToken,
) -> Result<Told, Failure> {
    let (programs, notes) = preflight::check(&options.stack, plan, session).await.map_err(before_the_first_step)?;
    tell(notes, &session.setup, listener);
    begin(session, &options.stack, (&options.source, &options.profiles, &options.set), options.exposing)?;
    let context = session.context(None, programs);
    let told = drive("up", &session.target_name(), plan, Arc::clone(&context), listener, cancel).await?;
    session.record = context.record();
    session.recorded = true;
    if told.outcome.failure().is_none() {
        session.look().await?;
    }
    Ok(told)
}

/// Starts a cluster of ours whose node or API server does not answer.
async fn start(session: &Session, listener: &mut Listener, cancel: &CancellationToken) -> Result<Told, Failure> {
    let plan = plan::start(&session.sight.fact)?;
    drive("up", &session.target_name(), &plan, session.context(None, Programs::default()), listener, cancel).await
}

impl UpReport {
    async fn of(session: &Session, exposed: Vec<Exposure>, told: Option<Told>) -> Self {
        let authority = Some(session.folder.authority_certificate()).filter(|path| path.exists());
        let kubeconfig = (!matches!(session.record.target, Target::Host)).then(|| session.kubeconfig());
        Self { told, record: session.record.clone(), kubeconfig, exposed, notes: session.notes().await, authority }
    }
}

/// What `up` would do, without doing it.
///
/// # Errors
/// As [`up`], but nothing is locked.
pub async fn plan(setup: &Setup, mut options: UpOptions) -> Result<Planned, Failure> {
    let mut session = Session::open(setup, &options.name, &options.wanted, None).await?;
    let notes = session.mended.iter().chain(&session.chosen).cloned().collect::<Vec<_>>();
    let notes = [notes, free_ports::choose(&mut session, &mut options).await?].concat();
    let request = options.request();
    let (stack, host) = session.fit(options.stack).await?;
    authority_lasts(&session, &stack, request)?;
    let (plan, decided_in) = match kept::restore(&session, &stack, options.keeping).await?.plan {
        Some(plan) => (plan, Duration::ZERO),
        None => decide(&session, &stack, host, request, (options.keeping, options.export.as_deref())).await?,
    };
    Ok(Planned { plan, notes, decided_in: decided_in.as_secs_f64() })
}

/// What `up` would do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The steps.
    #[serde(flatten)]
    pub plan: Plan,
    /// What was chosen where that was left to us, and why; and what was found damaged.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// How many seconds it took to decide, all looking done.
    pub decided_in: f64,
}

/// The kubeconfigs of the user into which the cluster is to be put: the one that is asked for, and those that have another cluster than the
/// one that is there now, since it was made anew.
fn exports(session: &Session, asked: Option<&Path>) -> Result<Vec<(PathBuf, String)>, Failure> {
    if !matches!(session.record.target, Target::Kind { .. }) {
        let target = session.target_name();
        return match asked {
            None => Ok(Vec::new()),
            Some(_) => Err(Failure::usage(format!("`{}` runs on `{target}`: tstack has made no cluster to export", session.folder.name()))
                .hint("--export-kubeconfig is for clusters that tstack makes.")),
        };
    }
    let ours = files::read_if_there(&session.folder.kubeconfig())?.unwrap_or_default();
    let ours = String::from_utf8_lossy(&ours);
    let to_be_made = matches!(session.sight.fact, ClusterFact::Absent | ClusterFact::HalfMade);
    let known = &session.record.exported;
    let mut all: Vec<(PathBuf, String)> = known
        .iter()
        .filter(|one| to_be_made || one.is_of_another(&ours))
        .map(|one| (one.file.clone(), "it has the cluster as it was before".to_owned()))
        .collect();
    if let Some(file) = asked.filter(|file| all.iter().all(|(one, _)| one != file))
        && !known.iter().any(|one| one.file == *file && is_current(one, &ours))
    {
        all.push((file.to_owned(), "asked for".to_owned()));
    }
    Ok(all)
}

/// What is to be said of a local CA that ends soon. It is not replaced unasked: whoever trusts it would no longer trust what it signed.
///
/// # Errors
/// When it cannot sign what the stack wants, and a new one is not asked for.
fn authority_lasts(session: &Session, stack: &Stack, request: UpRequest) -> Result<Option<String>, Failure> {
    let wanted = stack.components.iter().filter_map(|component| match &component.kind {
        ComponentKind::Certificate(wanted) => Some(wanted),
        _ => None,
    });
    let wanted: Vec<_> = wanted.collect();
    let signs = !wanted.is_empty() && !request.new_authority;
    let Some(authority) = observe::authority(&session.folder)?.filter(|_| signs) else { return Ok(None) };
    let path = session.folder.authority_certificate();
    let usable = authority.usable(clock::now()).and_then(|()| wanted.iter().try_for_each(|wanted| authority.may_sign(wanted)));
    usable.map_err(|why| {
        Failure::preflight(format!("the local CA {} cannot sign what the stack wants", path.display())).because(&why).hint(
            "`tstack up --new-ca` makes a new one and all certificates with it. Wherever the old one was trusted, the new one must be.",
        )
    })?;
    Ok(authority.ending(clock::now()).map(|why| {
        let path = path.display();
        format!(
            "The local CA {path} ends soon: {why}. `tstack up --new-ca` replaces it; wherever the old one was trusted, the new one must be."
        )
    }))
}

async fn decide(
    session: &Session,
    stack: &Stack,
    host: Option<HostFact>,
    request: UpRequest,
    (keeping, export): (Keeping, Option<&Path>),
) -> Result<(Plan, Duration), Failure> {
    let engine = session.engine.as_ref();
    let seen = observe::for_up(stack, &session.folder, &session.record, &session.sight, engine).await;
    let mut observed = Observed { host, ..seen.map_err(before_the_first_step)? };
    if keeping != Keeping::Nothing {
        kept::use_baked(session, stack, &mut observed).await?;
    }
    observed.exports = exports(session, export)?;
    let began = Instant::now();
    let plan = plan::up(stack, &observed, request)?;
    Ok((plan, began.elapsed()))
}
