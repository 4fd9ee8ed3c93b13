//! What tstack has made, on disk.
//!
//! Purpose: state folder, lock, journal.
//! Reads: the state folder. Writes: the state folder.
//! Must not: use network or processes.
