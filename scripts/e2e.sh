#!/usr/bin/env bash
# Every promise on a real cluster with the real components. Arguments are names of scenarios; none means all.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
timed "container engine" scripts/engine.sh
timed "test bed" python3 testbed/bed.py up
use_bed
timed "the Task API's program" stacks/task-api/backend/build.sh
timed "scenarios" cargo test --locked --features test-fakes --test e2e -- --ignored --test-threads=1 --nocapture --skip faults:: "$@"
