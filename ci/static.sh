#!/usr/bin/env bash
# Builds static programs and their tests for Linux with musl, and runs them.
#
#   ci/static.sh [x86_64|aarch64] [ARGUMENTS OF cargo test…]        (default: x86_64, all packages)
#
# Needs what ci/debian.sh and ci/zig.sh say. Another processor's programs are run by qemu, which the kernel is told about in a user namespace (Linux 6.7): so it
# runs those too that the tests start. Of the packages that ship, that is: the others make faults by calls that qemu does not have. And in qemu a process
# has a thread more, with which none becomes a guardian.
#
#   CARGO_TARGET_DIR         default: target/static
set -euo pipefail
cd "$(dirname "$0")/.."
processor=${1:-x86_64}
shift $(($# > 0))

. ci/debian.sh
install_packages "${rust[@]}" python3-venv
use_debians_rust
. ci/zig.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/static}
target=$processor-unknown-linux-musl
# zig brings the start-up files, too.
export "CARGO_TARGET_$(echo "${target^^}" | tr - _)_RUSTFLAGS=-Clink-self-contained=no" RUSTDOCFLAGS=-Clink-self-contained=no
test=("$zig_tools/bin/cargo-zigbuild" test -Zbuild-std=std,panic_unwind --target "$target" --no-fail-fast)

if [ "$processor" = "$(uname -m)" ]; then
  [ $# -gt 0 ] || set -- --workspace
  exec "${test[@]}" "$@"
fi

install_packages qemu-user-static
# shellcheck disable=SC2046 # one word for each
[ $# -gt 0 ] || set -- $(published_packages) --lib --bins --tests -- --skip a_supervised_command --skip a_command_that
# A program's first twenty bytes say what it is for (elf(5)): here, 64 bits, little-endian, aarch64.
[ "$processor" = aarch64 ] || { echo "no pattern for $processor" >&2; exit 2; }
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
# shellcheck disable=SC2016 # for the inner shell
unshare --user --map-root-user --mount --pid --fork --mount-proc bash -c '
  mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
  printf %s "$1" > /proc/sys/fs/binfmt_misc/register
  shift
  "$@"' bash ":oneworker:M::$magic:$mask:/usr/bin/qemu-$processor-static:F" "${test[@]}" "$@"
