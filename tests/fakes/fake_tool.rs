//! Stands in for programs.
fn main() {}
