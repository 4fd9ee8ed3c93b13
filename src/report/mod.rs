//! What people and scripts see.
//!
//! Purpose: render events, failures, tables; the only room that writes to the terminal.
//! Reads: events, failures, status. Writes: stdout (data) and stderr (everything else), through the writers of `terminal`.
//! Must not: know what runs a plan, read the environment or a clock, or touch the world.
//!
//! Everything here makes text or writes to an `impl Write` that it is given; `terminal` alone names the real streams.
//!
//! Colours never carry a meaning alone; every text reads the same without them:
//!
//! | colour | meaning |
//! |---|---|
//! | green | it is as it should be: `✓`, `ready`, `healthy` |
//! | red | it failed: `✗`, `error:` |
//! | yellow | not yet, or worth a look: `waiting`, `!`, `cancelled:` |
//! | cyan | something to type or open: `help:`, commands, addresses |
//! | dim | beside the point: durations, reasons, evidence marks |

mod certificates;
mod checks;
mod failure;
mod generate;
mod json;
mod junit;
mod lint;
mod log;
mod mode;
mod paint;
mod plain;
mod quiet;
mod run;
mod status;
mod summary;
mod table;
mod terminal;
mod text;
mod timings;
mod tty;

#[cfg(test)]
mod recorded;

use std::time::Duration;

use crate::event::Event;

pub use certificates::certificates;
pub use checks::checks;
pub use failure::failure;
pub use generate::{Verdict, decisions, prompt, templates, unproven, verdicts, warning, written};
pub use json::{Json, document as json_document, line as json_line};
pub use junit::junit;
pub use lint::{diff, lint, lint_github, lint_json, lint_sarif, page, pages};
pub use log::log_line;
pub use mode::{ColorChoice, Mode, Output, Stream, Surroundings, resolve};
pub use paint::Paint;
pub use plain::Plain;
pub use quiet::Quiet;
pub use status::status;
pub use summary::{Link, Next, Spent, Summary, slowest, summary};
pub use table::table;
pub use terminal::{Streams, renderer, surroundings};
pub use text::{bytes, duration, kept, neutralise, plural};
pub use timings::{TimingsLine, timings, timings_compared, timings_html, timings_list};
pub use tty::{Screen, Tty};

/// Shows a run while it happens.
///
/// A renderer shows each failure in full once, when the plan has finished; who runs the plan does not print it again.
/// A write that fails (a closed pipe) is no reason to stop a run, so renderers pass over it.
pub trait Renderer: Send {
    /// Takes the next event; `at` is the time since the run began and never goes back.
    fn on(&mut self, event: &Event, at: Duration);
}
