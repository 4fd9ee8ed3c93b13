//! The kind program.
