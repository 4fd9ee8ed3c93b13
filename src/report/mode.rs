//! How to show things, decided once at the start, so that no later code sees `auto`.

use clap::ValueEnum;

use super::Paint;

/// What the user asked for with `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A live view on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A live view even where `CI` is set, as long as there is a terminal.
    Human,
    /// One line per event, no control characters, stable wording.
    Plain,
    /// One JSON object per line on stdout.
    Json,
    /// Failures only.
    Quiet,
}

/// What the user asked for with `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// Colours on terminals that have them, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Colours, even into a file.
    Always,
    /// No colours.
    Never,
}

/// What is known of the streams and the environment; the caller reads the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state")]
pub struct Surroundings {
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether `CI` is set and not `false`.
    pub ci: bool,
    /// Whether `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub no_color: bool,
    /// Whether `TERM` is `dumb`: no colours and no cursor movement.
    pub term_dumb: bool,
    /// Whether the locale can show `✓`.
    pub utf8: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A live view on stderr.
    Live,
    /// Lines on stderr.
    Plain,
    /// JSON lines on stdout.
    Json,
    /// Failures on stderr.
    Quiet,
}

/// How everything is shown in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How a run is shown, and whether data is JSON.
    pub stream: Stream,
    /// Colours and characters of data on stdout.
    pub stdout: Paint,
    /// Colours and characters of everything on stderr.
    pub stderr: Paint,
    /// Columns to keep tables on stdout within; none where stdout is no terminal, so that pipes get whole cells.
    pub width: Option<usize>,
}

/// Decides how things are shown.
///
/// `--output plain` wins over `--color always`: it promises text without control characters.
#[must_use]
pub fn resolve(output: Output, color: ColorChoice, around: Surroundings) -> Mode {
    let live = around.stderr_is_terminal && !around.term_dumb;
    let stream = match output {
        Output::Auto if live && !around.ci => Stream::Live,
        Output::Human if live => Stream::Live,
        Output::Auto | Output::Human | Output::Plain => Stream::Plain,
        Output::Json => Stream::Json,
        Output::Quiet => Stream::Quiet,
    };
    let paint = |is_terminal: bool| Paint {
        color: match color {
            _ if output == Output::Plain => false,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !around.no_color && !around.term_dumb,
        },
        unicode: around.utf8,
    };
    Mode {
        stream,
        stdout: paint(around.stdout_is_terminal),
        stderr: paint(around.stderr_is_terminal),
        width: (around.stdout_is_terminal && output != Output::Plain).then_some(around.width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Surroundings = Surroundings {
        stdout_is_terminal: true,
        stderr_is_terminal: true,
        ci: false,
        no_color: false,
        term_dumb: false,
        utf8: true,
        width: 100,
    };
    const PIPE: Surroundings = Surroundings { stdout_is_terminal: false, stderr_is_terminal: false, ..TERMINAL };

    fn auto(around: Surroundings) -> Mode {
        resolve(Output::Auto, ColorChoice::Auto, around)
    }

    #[test]
    fn a_terminal_gets_the_live_view_in_colour() {
        let paint = Paint { color: true, unicode: true };
        assert_eq!(auto(TERMINAL), Mode { stream: Stream::Live, stdout: paint, stderr: paint, width: Some(100) });
    }

    #[test]
    fn a_pipe_gets_plain_lines_and_whole_tables() {
        let paint = Paint { color: false, unicode: true };
        assert_eq!(auto(PIPE), Mode { stream: Stream::Plain, stdout: paint, stderr: paint, width: None });
    }

    #[test]
    fn ci_and_dumb_terminals_get_plain_lines() {
        assert_eq!(auto(Surroundings { ci: true, ..TERMINAL }).stream, Stream::Plain);
        assert_eq!(auto(Surroundings { term_dumb: true, ..TERMINAL }).stream, Stream::Plain);
        assert!(!auto(Surroundings { term_dumb: true, ..TERMINAL }).stderr.color);
    }

    #[test]
    fn human_asks_for_the_live_view_in_ci_but_cannot_have_it_without_a_terminal() {
        let human = |around| resolve(Output::Human, ColorChoice::Auto, around).stream;
        assert_eq!(human(Surroundings { ci: true, ..TERMINAL }), Stream::Live);
        assert_eq!(human(PIPE), Stream::Plain);
    }

    #[test]
    fn no_color_is_respected_unless_color_is_asked_for() {
        let around = Surroundings { no_color: true, ..TERMINAL };
        assert!(!auto(around).stdout.color);
        assert!(resolve(Output::Auto, ColorChoice::Always, around).stdout.color);
        assert!(!resolve(Output::Auto, ColorChoice::Never, TERMINAL).stderr.color);
    }

    #[test]
    fn each_stream_has_its_own_colours() {
        let mode = auto(Surroundings { stdout_is_terminal: false, ..TERMINAL });
        assert_eq!((mode.stdout.color, mode.stderr.color, mode.width), (false, true, None));
    }

    #[test]
    fn plain_never_has_colours() {
        let mode = resolve(Output::Plain, ColorChoice::Always, TERMINAL);
        assert_eq!((mode.stdout.color, mode.stderr.color, mode.width), (false, false, None));
    }
}
