//! Programs in containers.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::Engine;
use super::error::failure;
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// What a program in a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// How long the engine may take to know the exit code of a program whose output has ended.
const EXIT_CODE: Duration = Duration::from_secs(10);

impl Engine {
    /// Runs a program in a container, without input.
    ///
    /// # Errors
    /// When it cannot run, or ends with another code than 0; both of its outputs are in the failure.
    pub async fn exec(&self, container: &str, argv: &[&str]) -> Result<Output, Failure> {
        self.run(container, argv, None::<futures::stream::Empty<Result<Bytes, Failure>>>).await
    }

    /// Runs a program in a container and gives it `input`, then the end of input, so that readers like `ctr images import -` end.
    ///
    /// # Errors
    /// As [`Engine::exec`]; when `input` fails, its failure.
    pub async fn exec_with_stdin<S>(&self, container: &str, argv: &[&str], input: S) -> Result<Output, Failure>
    where
        S: Stream<Item = Result<Bytes, Failure>> + Send,
    {
        self.run(container, argv, Some(input)).await
    }

    async fn run<S>(&self, container: &str, argv: &[&str], input: Option<S>) -> Result<Output, Failure>
    where
        S: Stream<Item = Result<Bytes, Failure>> + Send,
    {
        let what = || format!("cannot run `{}` in the container {container}", argv.join(" "));
        let options = CreateExecOptions {
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            ..CreateExecOptions::default()
        };
        let id = self.docker.create_exec(container, options).await.map_err(|e| failure(what(), &e))?.id;
        let started = self.docker.start_exec(&id, None).await.map_err(|e| failure(what(), &e))?;
        let StartExecResults::Attached { mut output, input: pipe } = started else {
            return Err(Failure::internal(what()).why("the engine started it without a connection to it"));
        };
        let read = async {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            while let Some(piece) = output.next().await {
                match piece {
                    Ok(LogOutput::StdErr { message }) => stderr.extend_from_slice(&message),
                    Ok(other) => stdout.extend_from_slice(&other.into_bytes()),
                    Err(e) => return Err(failure(format!("lost the connection to `{}` in the container {container}", argv.join(" ")), &e)),
                }
            }
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(Output { stdout: text(stdout), stderr: text(stderr) })
        };
        // both at once: a program whose output nobody reads stops reading its input
        let (written, output) = tokio::join!(feed(pipe, input), read);
        let output = output?;
        let code = self.exit_code(&id).await.map_err(|f| Failure { what: what(), ..f })?;
        match (code, written) {
            // the program's own end explains a broken pipe better than the pipe does, but not a source that failed
            (_, Err(Unfed::Source(source))) => Err(source),
            (0, Ok(())) => Ok(output),
            (0, Err(Unfed::Pipe(e))) => Err(Failure::step(what()).why(format!("it ended before it had read all of its input: {e}"))),
            (code, _) => Err(Failure::step(format!("`{}` in the container {container} ended with code {code}", argv.join(" ")))
                .why(output.stderr.trim())
                .why(output.stdout.trim())),
        }
    }

    /// The code that a program ended with.
    async fn exit_code(&self, id: &str) -> Result<i64, Failure> {
        // The output ends when the program closes it; the engine notes the code a moment later, and has no call that waits for it (its event
        // stream may have told it before we listen). So ask again, at most for EXIT_CODE.
        let mut backoff = Backoff::new();
        let ask = async {
            loop {
                let state = self.docker.inspect_exec(id).await.map_err(|e| failure("", &e))?;
                if let (Some(code), Some(false)) = (state.exit_code, state.running) {
                    return Ok(code);
                }
                backoff.pause().await;
            }
        };
        let late =
            Failure::step("").why(format!("its output ended, but {} s later the engine still says that it runs", EXIT_CODE.as_secs()));
        tokio::time::timeout(EXIT_CODE, ask).await.unwrap_or(Err(late))
    }
}

/// Why a program did not get all of its input.
enum Unfed {
    /// The input itself failed.
    Source(Failure),
    /// The program or the engine closed the pipe.
    Pipe(std::io::Error),
}

/// Writes everything, then closes the pipe for writing, which the program sees as the end of its input.
async fn feed<W, S>(mut pipe: W, input: Option<S>) -> Result<(), Unfed>
where
    W: AsyncWrite + Unpin,
    S: Stream<Item = Result<Bytes, Failure>>,
{
    let Some(input) = input else { return Ok(()) };
    let mut input = std::pin::pin!(input);
    while let Some(piece) = input.next().await {
        match piece {
            Ok(bytes) => pipe.write_all(&bytes).await.map_err(Unfed::Pipe)?,
            Err(source) => {
                // the program must end too, and would wait for ever for the rest
                let _ = pipe.shutdown().await;
                return Err(Unfed::Source(source));
            }
        }
    }
    pipe.shutdown().await.map_err(Unfed::Pipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_input_is_sent_even_when_the_source_fails() {
        for (pieces, fails) in [
            (vec![Ok(Bytes::from_static(b"ab")), Ok(Bytes::from_static(b"c"))], false),
            (vec![Ok(Bytes::from_static(b"abc")), Err(Failure::step("gone"))], true),
        ] {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let result = feed(ours, Some(futures::stream::iter(pieces))).await;
            assert_eq!(matches!(result, Err(Unfed::Source(_))), fails);
            let mut seen = Vec::new();
            // ends only when our half was shut down
            tokio::io::AsyncReadExt::read_to_end(&mut theirs, &mut seen).await.unwrap();
            assert_eq!(seen, b"abc");
        }
    }
}
