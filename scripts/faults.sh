#!/usr/bin/env bash
# Every fault of tests/e2e/faults on a real cluster, and the table of docs/reliability.md. Arguments are names of faults; none means all, and
# only then is the table written anew. TSTACK_FAULT_RUNS (50) is how often a fault that is left to chance is put in.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
timed "container engine" scripts/engine.sh
timed "test bed" python3 testbed/bed.py up
use_bed
timed "the Task API's program" stacks/task-api/backend/build.sh
export TSTACK_FAULT_TABLE=${TSTACK_FAULT_TABLE:-$root/target/faults.jsonl}
mkdir -p "$(dirname "$TSTACK_FAULT_TABLE")"
rm -f "$TSTACK_FAULT_TABLE"
faults=("${@/#/faults::}")
[ $# -gt 0 ] || faults=(faults::)
code=0
timed "faults" cargo test --locked --features test-fakes --test e2e -- --ignored --test-threads=1 --nocapture "${faults[@]}" || code=$?
python3 scripts/faults.py "$TSTACK_FAULT_TABLE" $([ $# -gt 0 ] || echo docs/reliability.md)
exit "$code"
