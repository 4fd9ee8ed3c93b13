#!/usr/bin/env bash
# Builds the Task API's static program and tstack, which holds it: target/release/tstack.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v cargo > /dev/null || { say "cargo is not there: install Rust, https://rustup.rs" >&2; exit 3; }
timed "the Task API's program" stacks/task-api/backend/build.sh
timed "tstack" cargo build --release --locked --bin tstack
