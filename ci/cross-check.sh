#!/usr/bin/env bash
# Lints what ships for other systems and processors, from one Linux machine. For macOS it is built and linked, too; nothing is run.
#
#   ci/cross-check.sh [windows] [macos] [macos-x64] [linux-arm64] [freebsd]        (default: all)
#
# Needs what ci/debian.sh says, and for macOS what ci/zig.sh says. Where nothing is linked, C code (SQLite) is replaced by empty objects, which is why no C
# compiler for these systems is needed.
#
#   CLIPPY_FLAGS             passed to clippy (default: -D warnings)
#   CROSS_PACKAGES           what to check (default: the published crates and the simulated disk, for Windows and macOS with tests and examples; the packages of
#                            fault tests and benches use Linux's own calls)
#   CARGO_TARGET_DIR         default: target/cross
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- windows macos macos-x64 linux-arm64 freebsd

. ci/debian.sh
# The last for dlltool: `std` makes import libraries of its own for Windows.
install_packages "${rust[@]}" rust-web-clippy binutils-mingw-w64-x86-64 python3-venv
use_debians_rust
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross}
mkdir -p "$CARGO_TARGET_DIR"
# shellcheck disable=SC2206 # one word for each package
packages=(${CROSS_PACKAGES:-$(published_packages) -p oneworker-disk})
flags=${CLIPPY_FLAGS:--D warnings}
# Nobody waits for what is built here: nothing is optimised.
plain=(--config 'profile.dev.debug="none"' --config 'profile.dev.package."*".opt-level=0' --config 'profile.dev.package.oneworker-protocol.opt-level=0'
  --config 'profile.dev.package.oneworker-disk.opt-level=0')

# `cargo-clippy` by its own name: `cargo clippy` would look into ~/.cargo/bin first, where rustup's is.
check() { # target, which of its programs
  local variable=${1//-/_}
  echo "== clippy for $1  [${SECONDS}s]"
  # A pretend C compiler: every object is empty, since nothing will be linked.
  local cc=$CARGO_TARGET_DIR/check-only-cc
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
  # shellcheck disable=SC2086 # several words
  env "CC_$variable=$cc" "AR_$variable=/usr/bin/ar" \
    cargo-clippy clippy --quiet "${plain[@]}" "${packages[@]}" "${@:2}" -Zbuild-std=std,panic_unwind --target "$1" -- $flags
}

# Whatever is built is linted on the way: that takes no longer, and once instead of twice.
link() { # target, which of its programs
  [ -n "${zig_tools:-}" ] || . ci/zig.sh
  echo "== building and linking for $1, with clippy  [${SECONDS}s]"
  lint_while_building "$CARGO_TARGET_DIR" "$flags"
  local variable=${1//-/_}
  # zig has no frameworks of the system's.
  env "CARGO_TARGET_${variable^^}_RUSTFLAGS=-Cstrip=none -Clink-arg=-F$PWD/packaging/macos" \
    "$zig_tools/bin/cargo-zigbuild" zigbuild --quiet "${plain[@]}" "${packages[@]}" "${@:2}" -Zbuild-std=std,panic_unwind --target "$1"
  unset RUSTC_WORKSPACE_WRAPPER
}

for system in "$@"; do
  case $system in
    windows) check x86_64-pc-windows-gnu --all-targets ;;
    macos) link aarch64-apple-darwin --all-targets ;;
    # Their tests are the same as on the others.
    macos-x64) link x86_64-apple-darwin --lib --bins ;;
    linux-arm64) check aarch64-unknown-linux-musl --lib --bins ;;
    freebsd) check x86_64-unknown-freebsd --lib --bins ;;
    *) echo "unknown system: $system (windows, macos, macos-x64, linux-arm64, freebsd)" >&2; exit 2 ;;
  esac
done
echo "== nothing to complain about  [${SECONDS}s]"
