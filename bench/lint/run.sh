#!/usr/bin/env bash
# Times `tstack lint` on 1,000 objects: bench/lint/run.sh [TSTACK]. Builds a release binary where none is named.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tstack=${1:-}
if [ -z "$tstack" ]; then
  (cd "$here/../.." && cargo build --release --quiet)
  tstack=${CARGO_TARGET_DIR:-$here/../../target}/release/tstack
fi
"$tstack" --version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# 125 services of 8 objects each, of the kinds that have the most rules
for n in $(seq 125); do sed "s/NAME/shop-$n/g" "$here/service.yaml"; done > "$work/all.yaml"
grep -c '^kind:' "$work/all.yaml"
"$tstack" lint "$work/all.yaml" | tail -1 || true
times=()
for _ in $(seq 15); do
  began=$(date +%s%N)
  "$tstack" lint "$work/all.yaml" > /dev/null 2>&1 || true
  times+=($(( ($(date +%s%N) - began) / 1000000 )))
done
printf '%s\n' "${times[@]}" | sort -n | awk '{ all[NR] = $1 } END { print "least " all[1] " ms, median " all[int((NR + 1) / 2)] " ms, most " all[NR] " ms of " NR " runs" }'
