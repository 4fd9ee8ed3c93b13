//! Images that tstack makes itself.
//!
//! Purpose: write one static program as an image archive, the same bytes every time.
//! Reads: the program's bytes. Writes: bytes.
//! Must not: touch disk, engine or clock.
