#!/usr/bin/env bash
# Builds and packages what is released, for all systems, from one Linux machine: `cargo xtask dist` with all that it needs.
#
#   ci/dist.sh [ARGUMENTS OF cargo xtask dist…]
#
# Needs Rust, what ci/debian.sh says, Python and PyPI. zig, from PyPI, is the C compiler and linker for musl and macOS; mingw that for Windows. A target
# that rustup has installed is built with rustup's toolchain; for the others, `std` is built from Debian's source.
#
#   DIST_TOOLS               where zig is put (default: target/dist-tools)
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/debian.sh
install_packages "${rust[@]}" gcc-mingw-w64-x86-64-posix python3-venv

tools=${DIST_TOOLS:-$PWD/target/dist-tools}
# Other versions may link other bytes.
wanted='cargo-zigbuild==0.24.1 ziglang==0.17.1'
if [ "$(cat "$tools/.ready" 2>/dev/null)" != "$wanted" ]; then
  echo "== installing $wanted"
  rm -rf "$tools"
  /usr/bin/python3 -m venv "$tools"
  # shellcheck disable=SC2086 # one word for each package
  "$tools/bin/pip" install --quiet $wanted
  echo "$wanted" > "$tools/.ready"
fi
# What strips programs for macOS is called by this name; Debian's compiler comes without it, and rustup's finds its libraries only so.
sysroot=$(rustc --print sysroot)
cat > "$tools/bin/rust-objcopy" <<OBJCOPY
#!/bin/sh
LD_LIBRARY_PATH=$sysroot/lib exec "$sysroot/lib/rustlib/$(rustc --print host-tuple)/bin/rust-objcopy" "\$@"
OBJCOPY
chmod +x "$tools/bin/rust-objcopy"
export PATH=$tools/bin:$PATH ZIG_GLOBAL_CACHE_DIR=$tools/cache CARGO_INCREMENTAL=0
# Else it is looked for by the first Python in PATH, which may be another one.
CARGO_ZIGBUILD_ZIG_PATH=$(echo "$tools"/lib/python3*/site-packages/ziglang/zig)
export CARGO_ZIGBUILD_ZIG_PATH

cargo xtask dist "$@"
