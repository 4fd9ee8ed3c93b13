#!/usr/bin/env bash
# From a fresh machine to a stack that answers: engine, tools, build, `tstack up`. Arguments go to `tstack up`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
timed "container engine" scripts/engine.sh
if registries_answer; then
  say "container registries can be reached"
  tools=$(scripts/tools.sh)
  export PATH=$tools:$PATH
else
  say "no container registry can be reached: the test bed stands in (built from packages once, about half an hour; then seconds)"
  timed "test bed" python3 testbed/bed.py up
  use_bed
fi
timed "build" scripts/build.sh
exec "${CARGO_TARGET_DIR:-target}/release/tstack" up "$@"
