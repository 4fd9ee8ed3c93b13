//! One HTTP connection at a time, fully under control.
