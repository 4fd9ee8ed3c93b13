//! The tstack program.
fn main() {}
