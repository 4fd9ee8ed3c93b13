#!/usr/bin/env bash
# Builds the Task API backend as a static binary for the Linux of this machine's architecture.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: build.sh [-h]

Builds task-api as a static binary and puts it at stacks/task-api/bin/linux-amd64/task-api
(or linux-arm64). Uses the musl target of the Rust toolchain when it is installed, else the GNU
target with the C runtime linked in.

Environment:
  CARGO_TARGET_DIR  builds happen in its folder `backend` [target, at the top of the repository]
USAGE
}

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

case "${1-}" in
  '') ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

case "$(uname -m)" in
  x86_64 | amd64) machine=x86_64 arch=amd64 ;;
  aarch64 | arm64) machine=aarch64 arch=arm64 ;;
  *) fail "no build for the architecture $(uname -m)" ;;
esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stack=$(dirname "$here")
repository=$(cd "$here/../../.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$repository/target}/backend"

has_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

# From the folder of the package, so that its toolchain and Cargo settings are the ones that count.
cd "$here"
target=$machine-unknown-linux-musl
if has_target "$target"; then
  # The toolchain's own linker needs no C compiler for Linux, which other systems lack.
  [ "$(uname -s)" = Linux ] || export RUSTFLAGS="${RUSTFLAGS-} -C linker=rust-lld"
elif [ "$(uname -s)" = Linux ]; then
  target=$machine-unknown-linux-gnu
else
  fail "the target $target is missing; try: rustup target add $target"
fi
export RUSTFLAGS="${RUSTFLAGS-} -C target-feature=+crt-static"

cargo build --release --locked --target "$target" || fail "cargo build failed (the GNU target needs a static libc)"

built=$CARGO_TARGET_DIR/$target/release/task-api
if command -v file >/dev/null; then
  kind=$(file -b "$built")
elif command -v ldd >/dev/null; then
  kind=$(ldd "$built" 2>&1 || true)
else
  fail "neither file nor ldd is here to tell whether $built is static"
fi
case "$kind" in
  *'statically linked'* | *'static-pie linked'* | *'not a dynamic executable'*) ;;
  *) fail "$built is not static: $kind" ;;
esac

result=$stack/bin/linux-$arch/task-api
if ! cmp -s "$built" "$result"; then
  mkdir -p "$(dirname "$result")"
  # By way of a second name: the old file may be running.
  cp "$built" "$result.new"
  chmod 755 "$result.new"
  mv "$result.new" "$result"
fi
printf '%s: static, %s bytes\n' "$result" "$(wc -c <"$result" | tr -d ' ')"
