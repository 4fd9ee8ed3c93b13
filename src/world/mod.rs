//! The outside.
//!
//! Purpose: the only rooms that touch processes, engine, API server, network and disk; each speaks in its own small types.
//! Reads: the outside. Writes: the outside.
//! Must not: know plan, exec, report or cli.

pub mod addresses;
pub mod backoff;
pub mod chart;
pub mod child;
pub mod clock;
pub mod engine;
pub mod files;
pub mod folder;
pub mod helm;
pub mod http;
pub mod kind;
pub mod kube;
pub mod kubeconfig;
pub mod machine;
pub mod memory;
pub mod orphans;
pub mod outputs;
pub mod ports;
pub mod process;
pub mod programs;
pub mod registry;
pub mod stdin;
pub mod tail;
pub mod texts;
pub mod trust;
pub mod watch;
