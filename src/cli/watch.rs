//! `tstack up --watch`: every saved file is applied at once.

use tokio_util::sync::CancellationToken;

use super::args::{Global, Up};
use super::shown::Shown;
use super::{source, up};
use crate::env::Env;
use crate::failure::Failure;
use crate::world::watch::Watch;

/// Brings the stack up again and again, at first and after each change of its files, until it is cancelled. A change ends a run that
/// is still at work: what it wanted is no longer what is wanted. Gives the exit code of the last run.
pub(super) async fn run(global: &Global, args: &Up, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let path = source::path(&args.stack)?;
    loop {
        // first the watch, then the look at the files: no change falls between the two
        let mut watch = Watch::new(path)?;
        let this = cancel.child_token();
        let (code, changed) = {
            let work = up::once(global, args, env, shown, &this);
            tokio::pin!(work);
            tokio::select! {
                code = &mut work => (code, None),
                file = watch.changed() => {
                    this.cancel();
                    (work.await, Some(file))
                }
            }
        };
        let code = code.unwrap_or_else(|failure| {
            shown.failure(&failure);
            failure.kind.exit_code()
        });
        let file = match changed {
            Some(file) => file,
            None if cancel.is_cancelled() => return Ok(code),
            None => {
                shown.say(&format!(
                    "\nWatching {}: a file that is saved is applied at once. Ctrl-C ends this, the stack stays.\n",
                    path.display()
                ));
                tokio::select! {
                    file = watch.changed() => file,
                    () = cancel.cancelled() => return Ok(code),
                }
            }
        };
        shown.say(&format!("\n{} changed\n", file.display()));
    }
}
