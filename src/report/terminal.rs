//! The real streams: the only file that names them.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use console::Term;
use indicatif::ProgressDrawTarget;

use super::{Json, Mode, Plain, Quiet, Renderer, Screen, Stream, Surroundings, Tty};

/// The two streams of a process: data, and everything else.
pub struct Streams {
    /// Data, that a script may read.
    pub out: Box<dyn Write + Send>,
    /// Everything else.
    pub err: Box<dyn Write + Send>,
}

impl Streams {
    /// The streams of this process.
    #[must_use]
    pub fn real() -> Self {
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// Writes data. A reader that went away (`tstack status | head -1`) is no error.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes what is no data; there is nobody to tell when that does not work.
    pub fn say(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }
}

/// Completes what the caller read from the environment (`ci`, `no_color`, `term_dumb`, `utf8`) with what the streams are.
#[must_use]
pub fn surroundings(environment: Surroundings) -> Surroundings {
    // a table on stdout may be wider than the terminal that stderr is, so stdout is asked
    let (_, width) = Term::stdout().size();
    Surroundings {
        stdout_is_terminal: io::stdout().is_terminal(),
        stderr_is_terminal: io::stderr().is_terminal(),
        width: usize::from(width),
        ..environment
    }
}

/// The renderer of a mode on the real streams; `now` is the time since the run began, the same as its events carry.
#[must_use]
pub fn renderer(mode: Mode, now: Arc<dyn Fn() -> Duration + Send + Sync>) -> Box<dyn Renderer> {
    let Streams { out, err } = Streams::real();
    match mode.stream {
        Stream::Json => Box::new(Json::new(out)),
        Stream::Plain => Box::new(Plain::new(err, mode.stderr.unicode)),
        Stream::Quiet => Box::new(Quiet::new(err, mode.stderr)),
        Stream::Live => {
            let term = Term::stderr();
            let size = move || {
                let (rows, columns) = term.size();
                (usize::from(rows), usize::from(columns))
            };
            let screen = Screen { target: ProgressDrawTarget::stderr(), after: err, now, size: Arc::new(size), ticking: true };
            Box::new(Tty::new(screen, mode.stderr))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded::Kept;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn data_and_all_else_go_their_own_ways() {
        let (out, err) = (Kept::default(), Kept::default());
        let mut streams = Streams { out: Box::new(out.clone()), err: Box::new(err.clone()) };
        streams.data("table\n").unwrap();
        streams.say("hello\n");
        assert_eq!((out.text().as_str(), err.text().as_str()), ("table\n", "hello\n"));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
        let broken = |kind| Streams { out: Box::new(Broken(kind)), err: Box::new(io::sink()) }.data("x").map_err(|error| error.kind());
        assert_eq!(broken(io::ErrorKind::BrokenPipe), Ok(()));
        assert_eq!(broken(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
    }
}
