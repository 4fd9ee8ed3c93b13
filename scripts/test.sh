#!/usr/bin/env bash
# Everything that needs no engine and no cluster. Passes on any fresh machine with a Rust toolchain.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v cargo > /dev/null || { say "cargo is not there: install Rust, https://rustup.rs" >&2; exit 3; }
began=$SECONDS
# the stack's image is part of the program that is tested
timed "the Task API's program" stacks/task-api/backend/build.sh
timed "format" cargo fmt --check
timed "lints" cargo clippy --locked --all-targets --features test-fakes --quiet -- -D warnings
timed "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib --quiet
if command -v cargo-deny > /dev/null; then timed "dependencies" cargo deny --offline check licenses bans sources; else say "dependencies: cargo-deny is not there, its check was left out"; fi
timed "tests" cargo test --locked --features test-fakes
backend() (
  cd stacks/task-api/backend
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/backend
  cargo fmt --check
  cargo clippy --locked --all-targets --quiet -- -D warnings
  cargo test --locked
)
timed "the Task API's tests" backend
if command -v python3 > /dev/null; then
  timed "the test bed's tests" python3 -m unittest discover -s testbed/tests
fi
say "make test: all passed in $((SECONDS - began)) s"
