//! What people and scripts see.
//!
//! Purpose: render events, failures, tables; the only room that writes to the terminal.
//! Reads: events, failures, status. Writes: stdout (data) and stderr (everything else).
//! Must not: know what runs a plan, or touch the world.
