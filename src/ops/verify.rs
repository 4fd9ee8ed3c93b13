//! `verify`: the stack's checks, again.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::session::{Programs, Session, Setup, Wanted};
use crate::failure::Failure;
use crate::plan::{self, ClusterFact};
use crate::stack::Stack;

/// What `verify` saw.
pub struct VerifyReport {
    /// What came of the checks.
    pub told: Told,
}

/// Runs the checks of a stack that is up.
///
/// # Errors
/// When the stack is not up. A failed check is in the report, not here.
pub async fn verify(
    setup: &Setup,
    name: &str,
    stack: Stack,
    deep: bool,
    mut listener: Listener,
    cancel: &CancellationToken,
) -> Result<VerifyReport, Failure> {
    let session = Session::open(setup, name, &Wanted::Own, Some("verify")).await?;
    if !session.recorded || !matches!(session.sight.fact, ClusterFact::Running | ClusterFact::Named) {
        // why its API server does not answer, where that is what is wrong
        let failure = Failure::preflight(format!("`{name}` is not up")).why(session.sight.trouble.map(|t| t.what).unwrap_or_default());
        if session.sight.fact == ClusterFact::Paused {
            return Err(failure.why("its node is paused").hint(format!("`tstack resume --name {name}` lets it go on.")));
        }
        return Err(failure.hint(format!("`tstack up --name {name}` brings it up.")));
    }
    let (stack, host) = session.fit(stack).await?;
    let plan = plan::verify(&stack, host, deep)?;
    let stack = Arc::new(stack);
    let context = session.context(Some(Arc::clone(&stack)), Programs::default());
    let told = drive("verify", &session.target_name(), &plan, Arc::clone(&context), &mut listener, cancel).await?;
    let verified = told.outcome.failure().is_none().then(|| told.verified(&stack));
    if !told.outcome.cancelled {
        context.note(|record| record.verified = verified)?;
    }
    Ok(VerifyReport { told })
}
