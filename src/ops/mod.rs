//! One file per user story.
//!
//! Purpose: wire observe, plan and exec into `up`, `down`, `verify`, `status`, `plan` and the others.
//! Reads: through the rooms. Writes: through the rooms.
//! Must not: parse arguments, print, or exit.

mod certs;
mod check;
mod down;
mod drive;
mod free_ports;
mod generate;
mod kept;
mod lint;
mod logs;
mod pause;
mod preflight;
mod provider;
mod recorded;
mod session;
mod snapshot;
mod status;
mod timings;
mod up;
mod verify;

pub use certs::{TrustReport, certificates, trust, untrust};
pub use check::{LiveReport, ServerReport, Verdict, live as check_live, server as check_server};
pub use down::{DownOptions, DownReport, down};
pub use drive::{Listener, Told};
pub use free_ports::PortChoice;
pub use generate::check_schema;
pub use lint::{FixedFile, Fixing, LintOptions, LintReport, lint, lint_stack};
pub use logs::{LogLine, LogsOptions, logs};
pub use pause::{pause, resume};
pub use preflight::{Item, State as ItemState, Subject};
pub use session::{Parts, Setup, Wanted};
pub use snapshot::{KeptImage, Made, bake, kept, remove, save};
pub use status::status;
pub use timings::{Asked, Told as Timed, timings};
pub use up::{Keeping, Planned, UpOptions, UpReport, plan, up};
pub use verify::{VerifyReport, verify};
