#!/usr/bin/env bash
# From a fresh machine to a stack that answers. Arguments go to `tstack up`.
# With an engine, and images to be had, on a kind cluster; else in host mode at once: the same stack as plain processes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tstack=${CARGO_TARGET_DIR:-target}/tstack

on_kind() { # WHERE-IMAGES-COME-FROM ARGUMENTS...
  if [ "$1" = "the test bed" ]; then
    timed "test bed" python3 testbed/bed.py up
    use_bed
  else
    tools=$(scripts/tools.sh)
    export PATH=$tools:$PATH
  fi
  shift
  timed "build" scripts/build.sh
  exec "$tstack" up "$@"
}

# Compiles what host mode will have Go build, while cargo runs: on two cores the one fills the other's gaps, on more both run at once.
# The flags are those of src/world/programs/golang.rs (a test there compares them), so that tstack finds all of it in Go's cache.
compile_ahead() {
  local gateway=${XDG_CACHE_HOME:-$HOME/.cache}/tstack/programs/envoy-gateway
  command -v go > /dev/null && ! command -v envoy-gateway > /dev/null && [ ! -d "$gateway" ] || return 0
  # two compilers side by side want room; with less of it they take turns
  [ "$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 6 ] || return 0
  ahead=$(mktemp -d)
  cp testbed/go/envoy-gateway/go.mod testbed/go/envoy-gateway/go.sum "$ahead"
  env CGO_ENABLED=0 GOWORK=off GOGC=400 GOTMPDIR="$ahead" go build -C "$ahead" -mod=readonly -buildvcs=false -trimpath -gcflags=all=-dwarf=false \
    -o /dev/null github.com/envoyproxy/gateway/cmd/envoy-gateway > "$ahead/said" 2>&1 &
  compiling=$!
  # what it has compiled stays in Go's cache; tstack goes on from there, and shows it
  trap 'kill "$compiling" 2> /dev/null || true; wait "$compiling" 2> /dev/null || true; rm -rf "$ahead"' EXIT
}

on_host() { # WHY HOW-TO-GET-MORE ARGUMENTS...
  local why=$1 more=$2
  shift 2
  say "host mode: $why"
  case $images in
    "the test bed") use_bed ;; # its programs are the right ones
    "") compile_ahead ;;
  esac
  # what is built is felt here, what it does is not: host mode moves no images
  timed "build" scripts/build.sh quick
  [ -z "${compiling-}" ] || { trap - EXIT; kill "$compiling" 2> /dev/null || true; wait "$compiling" 2> /dev/null || true; rm -rf "$ahead"; }
  # not forced where it was not asked for: a stack that is up on a cluster stays there
  "$tstack" up "$@"
  say "this is host mode. The full cluster adds Kubernetes itself, autoscaling by KEDA, cert-manager and Prometheus with its scraping: $more"
}

images=$(where_images_are || true)
more="make testbed up, about an hour the first time"
[ -z "$images" ] || more="make up"
case " $* " in
  *" --provider host "* | *" --provider=host "*)
    args=()
    for arg; do case $arg in --provider | host | --provider=host) ;; *) args+=("$arg") ;; esac; done
    on_host "it was asked for" "$more" --provider host "${args[@]}"
    ;;
  *" --context "* | *" --context="*) on_kind "${images:-container registries}" "$@" ;; # somebody's cluster: no engine of ours
  *" --provider kind "* | *" --provider=kind "*)
    timed "container engine" scripts/engine.sh
    on_kind "${images:-the test bed}" "$@"
    ;;
  *)
    if [ -z "$images" ]; then
      on_host "no container registry can be reached, no mirror is set, and no test bed is built" "$more" "$@"
    elif ! engine=$(scripts/engine.sh --installed 2>&1); then
      say "$engine"
      on_host "there is no container engine" "install Docker (as root on Debian or Ubuntu scripts/engine.sh does it), then make up" "$@"
    else
      say "$engine"
      say "images come from $images"
      on_kind "$images" "$@"
    fi
    ;;
esac
