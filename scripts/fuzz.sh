#!/usr/bin/env bash
# Random bytes for every reader of what others write: `scripts/fuzz.sh [SECONDS for each, 20] [TARGET...]`.
# Begins with the kept inputs (fuzz/corpus) and the files of this repository, fails on the first crash, hang or hunger for memory, and shows
# the input. What it finds new stays in the target folder, so that the next run begins there.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
seconds=${1:-20}; shift || true
targets=("$@"); [ ${#targets[@]} -gt 0 ] || targets=(stack_file spec_file record image_ref lint yaml)
out=${CARGO_TARGET_DIR:-$root/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
command -v c++ > /dev/null || { say "c++ is not there, and libFuzzer is built with it: install g++ or clang" >&2; exit 3; }
# the counters that libFuzzer reads; --target keeps them out of build scripts, which have no libFuzzer to report to
flags="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1"
for option in level=4 inline-8bit-counters pc-table trace-compares; do flags+=" -Cllvm-args=-sanitizer-coverage-$option"; done
build() { CARGO_TARGET_DIR=$out RUSTFLAGS="$flags" cargo build --locked --quiet --manifest-path fuzz/Cargo.toml --target "$host" --bins; }
timed "fuzz targets" build
# The files of this repository that are inputs of a target.
seeds_of() {
  case $1 in
    stack_file) ls stacks/*/stack.yaml ;;
    spec_file) ls templates/*.yaml ;;
    lint) ls tests/seeds/*.md tests/seeds/*.yaml stacks/*/manifests/*.yaml tests/fixtures/kinds/bad/* ;;
    yaml) ls stacks/*/stack.yaml stacks/*/manifests/*.yaml ;;
  esac 2> /dev/null || true
}
fuzz() {
  local target=$1 work=$out/corpus/$1 seeds=$out/seeds/$1 artifacts=$out/artifacts/$1 log=$out/$1.log
  rm -rf "$seeds" "$artifacts"; mkdir -p "$work" "$seeds" "$artifacts"
  local file; for file in $(seeds_of "$target"); do [ -f "$file" ] && cp "$file" "$seeds/$(tr / - <<< "$file")"; done
  if "$out/$host/debug/$target" "$work" "fuzz/corpus/$target" "$seeds" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -max_len=16384 -artifact_prefix="$artifacts/" -print_final_stats=1 > "$log" 2>&1; then
    say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, none bad"
    return
  fi
  say "$target: failed" >&2
  grep -vE '^(#|INFO|NEW|stat::)' "$log" | tail -n 30 >&2
  for file in "$artifacts"/*; do
    [ -f "$file" ] || continue
    say "the input, $file ($(wc -c < "$file") bytes); keep it in fuzz/corpus/$target when it is mended:" >&2
    head -c 2000 "$file" | cat -v >&2; echo >&2
  done
  return 1
}
for target in "${targets[@]}"; do timed "$target" fuzz "$target"; done
