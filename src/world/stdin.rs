//! What comes in on standard input.

use std::io::{BufRead as _, Read as _};

use crate::failure::Failure;

/// The most that is read as one file; more than any file of YAML that tstack takes.
const MAX: u64 = 64 << 20;

/// The longest line that is read.
const MAX_LINE: u64 = 64 << 10;

/// All of it.
///
/// # Errors
/// When it cannot be read, or is too large to be meant.
pub async fn all() -> Result<Vec<u8>, Failure> {
    blocking(|| {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
    .await
    .and_then(|bytes| if bytes.len() as u64 > MAX { Err(Failure::usage("standard input holds more than 64 MiB")) } else { Ok(bytes) })
}

/// The next line without its end; `None` where there is none.
///
/// # Errors
/// When it cannot be read, is not UTF-8, or has no end.
pub async fn line() -> Result<Option<String>, Failure> {
    blocking(|| {
        let mut line = String::new();
        let read = std::io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
        if read as u64 == MAX_LINE {
            return Err(std::io::Error::other(format!("a line has {MAX_LINE} bytes or more")));
        }
        Ok((read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
    })
    .await
}

/// On a thread of its own, so that Ctrl-C is heard meanwhile.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::usage("cannot read standard input").because(error);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}
