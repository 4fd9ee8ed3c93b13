//! `tstack up --watch`: every saved file is applied at once.

use tokio_util::sync::CancellationToken;

use super::args::{Global, Up};
use super::shown::Shown;
use super::{source, up};
use crate::env::Env;
use crate::failure::Failure;
use crate::world::watch::Watch;

/// Brings the stack up again and again, at first and after each change of its files, until it is cancelled. Once the stack has been up, a
/// change ends a run that is still at work: what it wanted is no longer what is wanted. The first is let go on: it may be making a
/// cluster. Gives the exit code of the last run.
pub(super) async fn run(global: &Global, args: &Up, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let path = source::path(&args.stack)?;
    let mut args = args.clone();
    let mut watch = Watch::new(path)?;
    let mut was_up = false;
    loop {
        let this = cancel.child_token();
        let (code, changed) = {
            let work = up::once(global, &args, env, shown, &this);
            tokio::pin!(work);
            tokio::select! {
                code = &mut work => (code, None),
                file = watch.changed() => {
                    if was_up {
                        this.cancel();
                    }
                    (work.await, Some(file))
                }
            }
        };
        let code = code.unwrap_or_else(|failure| {
            shown.failure(&failure);
            failure.kind.exit_code()
        });
        was_up |= code == 0;
        // made once is enough
        args.new_ca &= !was_up;
        if cancel.is_cancelled() {
            return Ok(code);
        }
        let file = if let Some(file) = changed {
            file
        } else {
            let text =
                format!("\nWatching {}: a file that is saved is applied at once. Ctrl-C ends this, the stack stays.\n", path.display());
            shown.say(&text);
            tokio::select! {
                file = watch.changed() => file,
                () = cancel.cancelled() => return Ok(code),
            }
        };
        shown.say(&format!("\n{} changed\n", file.display()));
        // folders may have come: first the new watch, then the look at the files, so that no change falls between the two. Where the
        // stack cannot be read just now, the run tells it, and the old watch sees when it is there again
        if let Ok(new) = Watch::new(path) {
            watch = new;
        }
    }
}
