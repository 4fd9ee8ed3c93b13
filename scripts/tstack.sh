#!/usr/bin/env bash
# The tstack that `make up` built, with the same tools and settings.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
if [ -e "$bed/config.yaml" ] && ! registries_answer; then use_bed; else export PATH=${XDG_CACHE_HOME:-$HOME/.cache}/tstack-tools:$PATH; fi
exec "${CARGO_TARGET_DIR:-target}/tstack" "$@"
