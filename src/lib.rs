//! tstack: a real platform on your own machine, ready when a real request passed.
//!
//! The flow, one room a step; `docs/architecture.md` has the walls between them:
//!
//! ```text
//! file bytes -> stack::StackFile -> stack::Stack          every finding at once, with file, line and column
//! Stack + plan::Observed + Request -> plan::Plan          pure; a graph of steps, each with a cause
//! Plan + world + cancel -> exec -> event::Event stream    one dispatcher, the executor decides nothing
//! Event stream -> report, and the journal in state
//! ```

pub mod certs;
pub mod checks;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod env;
pub mod event;
pub mod exec;
pub mod failure;
pub mod forward;
pub mod generate;
pub mod host;
pub mod image;
pub mod input;
pub mod kinds;
pub mod lint;
pub mod observe;
pub mod ops;
pub mod plan;
pub mod platform;
pub mod ready;
pub mod report;
pub mod snapshot;
pub mod spec;
pub mod stack;
pub mod state;
pub mod status;
pub mod supervise;
pub mod timings;
pub mod world;
pub mod yaml;
