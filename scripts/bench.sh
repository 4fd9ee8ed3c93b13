#!/usr/bin/env bash
# Measures everything that docs/benchmarks.md tells, and draws it anew. About an hour and a half; the machine should have nothing else to do.
#   bench.sh [up|path|start|scale]... [--rounds N] [--only a,c,f]     without a part: all of them
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
parts=()
while [ $# -gt 0 ]; do
  case $1 in
    up | path | start | scale) parts+=("$1"); shift ;;
    -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
done
# subjects belong to the first part alone
case " $* " in *" --only"*) [ ${#parts[@]} -gt 0 ] || parts=(up) ;; esac
[ ${#parts[@]} -gt 0 ] || parts=(up path start scale)

own=${XDG_CACHE_HOME:-$HOME/.cache}/tstack-bench
mkdir -p "$own/bin"
debian() { # PROGRAM: the package has the program's name
  command -v "$1" > /dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    say "installing $1"
    { apt-get install -y -q --no-install-recommends "$1" || { apt-get update -q && apt-get install -y -q --no-install-recommends "$1"; }; } > "$own/apt.log" 2>&1 || tail -n 5 "$own/apt.log" >&2
  fi
  command -v "$1" > /dev/null || say "$1 is not there: install the package $1 ($2)"
}
# helmfile refuses `go install`, since its module replaces others; bench/helmfile repeats those lines
helmfile() {
  local sum
  sum=$(cat bench/helmfile/go.mod bench/helmfile/go.sum | sha256sum | cut -c 1-16)
  if [ ! -x "$own/helmfile-$sum/helmfile" ]; then
    command -v go > /dev/null || { say "helmfile needs Go to be built" >&2; exit 3; }
    mkdir -p "$own/helmfile-$sum"
    timed "helmfile, from its Go module (about twenty minutes, once)" env CGO_ENABLED=0 GOWORK=off GOFLAGS="-buildvcs=false -mod=readonly" GOGC=400 \
      go build -C bench/helmfile -trimpath -gcflags=all=-dwarf=false -ldflags "-s -w" \
      -o "$own/helmfile-$sum/helmfile.new" github.com/helmfile/helmfile
    mv "$own/helmfile-$sum/helmfile.new" "$own/helmfile-$sum/helmfile"
  fi
  PATH=$own/helmfile-$sum:$PATH
}

timed "container engine" scripts/engine.sh
if ! where_images_are > "$own/images" || [ "$(cat "$own/images")" = "the test bed" ]; then
  timed "test bed" python3 testbed/bed.py up
  use_bed
else
  tools=$(scripts/tools.sh)
  export PATH=$tools:$PATH
fi
debian wrk "the path from localhost is measured with it"
debian hyperfine "without it the start of tstack is measured by a loop of ours"
case " ${parts[*]} " in *" up "*) helmfile ;; esac
tstack=${TSTACK_BENCH_PROGRAM:-}
if [ -z "$tstack" ]; then
  timed "build" scripts/build.sh
  tstack=${CARGO_TARGET_DIR:-$root/target}/release/tstack
fi
export PATH
failed=0
for part in "${parts[@]}"; do
  say "bench/$part"
  # one that fails does not take the others with it; Ctrl-C ends all
  python3 "bench/$part/run.py" "$tstack" "$@" || { code=$?; [ $code != 130 ] || exit 130; failed=$code; say "bench/$part: $code" >&2; }
done
say "tables and plots"
python3 bench/draw.py
exit "$failed"
