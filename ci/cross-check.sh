#!/usr/bin/env bash
# Type-checks and lints what ships for other systems and processors, from one Linux machine. Nothing is linked or run.
#
#   ci/cross-check.sh [windows] [macos] [macos-x64] [linux-arm64] [freebsd]        (default: all)
#
# Needs what ci/debian.sh says. A target takes about three minutes of one processor the first time. C code (SQLite) is replaced by empty objects, which is why no C compiler for these systems is needed.
#
#   CLIPPY_FLAGS             passed to clippy (default: -D warnings)
#   CROSS_PACKAGES           what to check (default: the three crates that ship and the simulated disk, for the first two with tests and examples; the packages of
#                            fault tests and benches use Linux's own calls)
#   CARGO_TARGET_DIR         default: target/cross
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- windows macos macos-x64 linux-arm64 freebsd

. ci/debian.sh
# The last for dlltool: `std` makes import libraries of its own for Windows.
install_packages "${rust[@]}" rust-web-clippy binutils-mingw-w64-x86-64
use_debians_rust
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross}
mkdir -p "$CARGO_TARGET_DIR"

# A pretend C compiler: every object is empty, since nothing will be linked.
cc=$CARGO_TARGET_DIR/check-only-cc
cat > "$cc" <<'CC'
#!/bin/sh
[ "$1" = "-?" ] && exit 1 # else the cc crate takes it for MSVC's
out= previous= last= preprocess=
for argument in "$@"; do
  [ "$previous" = -o ] && out=$argument
  [ "$argument" = -E ] && preprocess=1
  previous=$argument last=$argument
done
[ -n "$preprocess" ] && exec cc -E -x c "$last"
[ -z "$out" ] || : > "$out"
CC
chmod +x "$cc"

# `cargo-clippy` by its own name: `cargo clippy` would look into ~/.cargo/bin first, where rustup's is.
check() { # target, which of its programs
  local variable=${1//-/_}
  echo "== clippy for $1"
  # shellcheck disable=SC2086 # both variables hold several words
  env "CC_$variable=$cc" "AR_$variable=/usr/bin/ar" \
    cargo-clippy clippy --quiet ${CROSS_PACKAGES:--p coordinator -p worker -p oneworker -p oneworker-disk} "${@:2}" -Zbuild-std=std,panic_unwind --target "$1" \
    -- ${CLIPPY_FLAGS:--D warnings}
}

for system in "$@"; do
  case $system in
    windows) check x86_64-pc-windows-gnu --all-targets ;;
    macos) check aarch64-apple-darwin --all-targets ;;
    # Their tests are the same as on the others.
    macos-x64) check x86_64-apple-darwin --lib --bins ;;
    linux-arm64) check aarch64-unknown-linux-musl --lib --bins ;;
    freebsd) check x86_64-unknown-freebsd --lib --bins ;;
    *) echo "unknown system: $system (windows, macos, macos-x64, linux-arm64, freebsd)" >&2; exit 2 ;;
  esac
done
echo "== nothing to complain about  [${SECONDS}s]"
