# Sourced by the other scripts: where things are, and how they speak.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bed=${TSTACK_TESTBED:-${XDG_CACHE_HOME:-$HOME/.cache}/tstack-testbed}
say() { printf '== %s\n' "$*"; }
# timed WHAT COMMAND...: runs, and says how long it took.
timed() {
  local what=$1 began=$SECONDS; shift
  say "$what"
  "$@"
  say "$what: $((SECONDS - began)) s"
}
# A registry is there only if it answers as one: some networks accept every connection.
registries_answer() {
  local header
  header=$(curl -sS -m 6 -o /dev/null -D - https://registry-1.docker.io/v2/ 2> /dev/null) || return 1
  grep -qi '^docker-distribution-api-version:' <<< "$header"
}
# Where images can be had, in words; fails where they cannot. What the person has set comes first, what takes long to make last.
where_images_are() {
  local config=${TSTACK_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/tstack/config.yaml}
  if [ "$config" != "$bed/config.yaml" ] && grep -qs '^mirrors:' "$config"; then
    echo "the mirrors of $config"
  elif registries_answer; then
    echo "container registries"
  elif [ -e "$bed/config.yaml" ] && python3 testbed/bed.py built > /dev/null 2>&1; then
    echo "the test bed"
  else
    return 1
  fi
}
# Puts the test bed's programs and settings before all others.
use_bed() {
  export PATH=$bed/bin:$PATH TSTACK_CONFIG=$bed/config.yaml
}
