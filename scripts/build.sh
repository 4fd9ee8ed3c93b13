#!/usr/bin/env bash
# Builds the Task API's static program and tstack, which holds it: target/PROFILE/tstack, and target/tstack, which is the one built last.
# PROFILE is release unless given.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v cargo > /dev/null || { say "cargo is not there: install Rust, https://rustup.rs" >&2; exit 3; }
timed "the Task API's program" stacks/task-api/backend/build.sh
profile=${1-release}
timed "tstack" cargo build --profile "$profile" --locked --bin tstack
ln -sfn "$profile/tstack" "${CARGO_TARGET_DIR:-target}/tstack"
