//! `down`: what we made goes, and nothing else.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::session::{Session, Setup, Wanted};
use crate::exec::Context;
use crate::failure::Failure;
use crate::observe;
use crate::plan::{self, ClusterFact, DownRequest};

/// What the user asked for.
#[derive(Clone, Copy, Debug)]
pub struct DownOptions {
    /// Remove the stack, keep the cluster.
    pub keep_cluster: bool,
}

/// What `down` did.
pub struct DownReport {
    /// What came of the plan; `None` when there was nothing to remove.
    pub told: Option<Told>,
}

/// Takes a stack down. Without anything there, nothing is done, and that is no error.
///
/// # Errors
/// Before the first side effect: what makes it impossible. A failed step is in the report, not here.
pub async fn down(
    setup: &Setup,
    name: &str,
    options: DownOptions,
    mut listener: Listener,
    cancel: &CancellationToken,
) -> Result<DownReport, Failure> {
    let mut session = Session::open(setup, name, &Wanted::Own, Some("down")).await?;
    let nothing = !session.recorded && session.sight.fact == ClusterFact::Absent;
    let told = if nothing {
        None
    } else {
        let observed = observe::for_down(&session.folder, &session.record, &session.sight).await?;
        let plan = plan::down(&observed, DownRequest { keep_cluster: options.keep_cluster })?;
        session.folder.create()?;
        let target = session.target_name();
        let sight = std::mem::take(&mut session.sight);
        let context = Context::new(session.folder.clone(), None, session.engines.clone(), session.record.clone(), sight.cluster);
        let context = Arc::new(context);
        let told = drive("down", &target, &plan, Arc::clone(&context), &mut listener, cancel).await?;
        if options.keep_cluster && told.outcome.failure().is_none() && session.folder.record().exists() {
            context.note(|record| {
                record.made.clear();
                record.verified = None;
            })?;
        }
        Some(told)
    };
    Ok(DownReport { told })
}
