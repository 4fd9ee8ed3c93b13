//! One file per user story.
//!
//! Purpose: wire observe, plan and exec.
//! Reads: through the rooms. Writes: through the rooms.
//! Must not: parse arguments, print, or exit.
