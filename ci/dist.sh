#!/usr/bin/env bash
# Builds and packages what is released, for all systems, from one Linux machine: `cargo xtask dist` with all that it needs.
#
#   ci/dist.sh [ARGUMENTS OF cargo xtask dist…]
#
# Needs Rust and what ci/debian.sh and ci/zig.sh say; mingw is the C compiler and linker for Windows. A target that rustup has installed is built with
# rustup's toolchain; for the others, `std` is built from Debian's source.
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/debian.sh
install_packages "${rust[@]}" gcc-mingw-w64-x86-64-posix python3-venv

. ci/zig.sh
# What strips programs for macOS is called by this name; Debian's compiler comes without it, and rustup's finds its libraries only so.
sysroot=$(rustc --print sysroot)
cat > "$zig_tools/bin/rust-objcopy" <<OBJCOPY
#!/bin/sh
LD_LIBRARY_PATH=$sysroot/lib exec "$sysroot/lib/rustlib/$(rustc --print host-tuple)/bin/rust-objcopy" "\$@"
OBJCOPY
chmod +x "$zig_tools/bin/rust-objcopy"
export PATH=$zig_tools/bin:$PATH CARGO_INCREMENTAL=0

cargo xtask dist "$@"
