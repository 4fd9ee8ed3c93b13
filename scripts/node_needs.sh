#!/usr/bin/env bash
# What a kind node takes of the kernel's limits and of inodes: scripts/node_needs.sh NODE (as `docker ps` names it).
# docs/limits.md says what the numbers are for. Counts inside the node, where every process of it is seen.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
node=${1:?give the name of a node, such as tstack-task-api-control-plane}
docker exec "$node" sh -c '
  instances=0 watches=0
  for info in /proc/[0-9]*/fdinfo/*; do
    n=$(grep -c "^inotify " "$info" 2> /dev/null) || n=${n:-0}
    link=$(readlink "${info%/fdinfo/*}/fd/${info##*/}" 2> /dev/null) || continue
    case $link in anon_inode:inotify | anon_inode:\[inotify\]) instances=$((instances + 1)); watches=$((watches + n)) ;; esac
  done
  echo "inotify instances: $instances"
  echo "inotify watches: $watches"
  echo "files below /var: $(find /var -xdev | wc -l)"
'
