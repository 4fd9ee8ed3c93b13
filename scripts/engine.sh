#!/bin/bash
# Makes sure that a Docker engine answers. Says what it did, one line each.
#
# Where none answers and we may (root on Debian or Ubuntu) it installs docker.io,
# mounts what control groups are missing, and starts dockerd, which then lives on
# its own. Exit 3: we may not; the message says what to do.
#
# With --installed it starts an engine that is there, and installs none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${TSTACK_TESTBED:-${XDG_CACHE_HOME:-$HOME/.cache}/tstack-testbed}
say() { echo "engine: $*"; }
answers() { docker info > /dev/null 2>&1; }

if answers; then
  say "a Docker engine answers"
  exit 0
fi
# an answer from elsewhere is wanted: a local daemon would not be it
if [ -n "${DOCKER_HOST:-}" ]; then
  say "none answers at DOCKER_HOST=$DOCKER_HOST" >&2
  exit 3
fi
if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
  say "none answers. Install Docker (https://docs.docker.com/engine/install) and start it;" >&2
  say "as root on Debian or Ubuntu this script does both" >&2
  exit 3
fi
installed() { command -v dockerd > /dev/null && command -v docker > /dev/null; }
if [ "${1-}" = --installed ] && ! installed; then
  say "none is installed" >&2
  exit 3
fi
mkdir -p "$work/engine"

install_docker() {
  local log=$work/engine/apt.log
  export DEBIAN_FRONTEND=noninteractive
  if ! apt-get install -y -q --no-install-recommends docker.io > "$log" 2>&1; then
    # the package lists are missing or old
    { apt-get update -q && apt-get install -y -q --no-install-recommends docker.io; } > "$log" 2>&1 ||
      { tail -n 5 "$log" >&2; say "docker.io cannot be installed, see $log" >&2; exit 3; }
  fi
  say "installed docker.io"
}
installed || install_docker
wait_for_engine() { # PID: gives up when it ends, or after a minute
  for _ in $(seq 120); do
    answers && return
    kill -0 "$1" 2> /dev/null || return 1
    sleep 0.5
  done
  return 1
}
# where an init system runs, the daemon is its business
if [ -d /run/systemd/system ]; then
  systemctl start docker && answers && say "started the docker service" && exit 0
  say "the docker service does not start: see systemctl status docker" >&2
  exit 1
fi
pid=$(grep -lsx dockerd /proc/[0-9]*/comm | head -n 1 | cut -d / -f 3) || true
if [ -n "$pid" ]; then
  wait_for_engine "$pid" && say "a Docker engine was starting, and answers" && exit 0
  say "dockerd (pid $pid) runs and does not answer" >&2
  exit 1
fi

mounted() { awk -v d="$1" '$2 == d { found = 1 } END { exit !found }' /proc/mounts; }
mount_at() { # FOLDER MOUNT-ARGS...
  local folder=$1; shift
  mounted "$folder" && return
  mkdir -p "$folder" && mount "$@" "$folder" || { rmdir "$folder"; return 0; }
  new_mounts="$new_mounts ${folder#/sys/fs/}"
}
new_mounts=
mount_at /sys/fs/cgroup -t tmpfs cgroup
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  # version 1: one hierarchy a controller, and systemd's, which kind's nodes need
  for c in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
    mount_at "/sys/fs/cgroup/$c" -t cgroup -o "$c" cgroup
  done
  mount_at /sys/fs/cgroup/systemd -t cgroup -o none,name=systemd cgroup
fi
[ -z "$new_mounts" ] || say "mounted$new_mounts"

args=()
# CAP_SYS_RESOURCE is bit 24 of the bounding set
if [ $((0x$(awk '/CapBnd/ { print $2 }' /proc/self/status) >> 24 & 1)) = 0 ]; then
  # copied: the daemon outlives this checkout
  install -m 755 "$here/../testbed/node/runc-bounded" "$work/engine/runc-bounded"
  args=(--add-runtime "bounded=$work/engine/runc-bounded" --default-runtime bounded)
  say "CAP_SYS_RESOURCE is missing here: containers start without it ($work/engine/runc-bounded)"
fi

# pid files of an earlier session: their numbers may be anybody's now
for f in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
  if [ -e "$f" ] && ! grep -qsE '^(dockerd|containerd)$' "/proc/$(cat "$f")/comm"; then
    rm -f "$f"
    say "removed a dead $f"
  fi
done

log=$work/engine/dockerd.log
setsid dockerd "${args[@]}" > "$log" 2>&1 < /dev/null &
pid=$!
if wait_for_engine "$pid"; then
  say "started dockerd (pid $pid, log $log)"
  exit 0
fi
tail -n 5 "$log" >&2
say "dockerd does not answer, see $log" >&2
exit 1
