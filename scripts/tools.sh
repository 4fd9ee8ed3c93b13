#!/usr/bin/env bash
# Makes sure that kind and helm can be found; prints the folder to put before PATH, empty where they are there.
# Versions are those that tstack is tested with. Go verifies what it downloads by its checksum database.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
kind_version=v0.33.0 helm_version=v3.22.0
tools=${XDG_CACHE_HOME:-$HOME/.cache}/tstack-tools
export PATH=$tools:$PATH
get() { # NAME PACKAGE@VERSION LDFLAGS
  command -v "$1" > /dev/null && return
  command -v go > /dev/null || { say "$1 is not there, and no Go to build it: see the README's section on what it needs" >&2; exit 3; }
  say "building $1 from its Go module, $2" >&2
  GOBIN=$tools go install -trimpath -ldflags "-s -w $3" "$2" >&2
}
get kind "sigs.k8s.io/kind@$kind_version" ""
# without these a helm that `go install` built takes itself for another version, and the cluster for Kubernetes 1.20
h=helm.sh/helm/v3
get helm "$h/cmd/helm@$helm_version" "-X $h/internal/version.version=$helm_version -X $h/pkg/chartutil.k8sVersionMajor=1 -X $h/pkg/chartutil.k8sVersionMinor=34"
echo "$tools"
