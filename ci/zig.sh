# shellcheck shell=bash
# Sourced by the scripts beside it, after ci/debian.sh and with python3-venv installed: zig, from PyPI, as the C compiler and linker for musl and macOS.
#
#   ZIG_TOOLS                where it is put (default: target/zig)

# Other versions may link other bytes.
zig_wanted='cargo-zigbuild==0.24.1 ziglang==0.17.1'
zig_tools=${ZIG_TOOLS:-$PWD/target/zig}
if [ "$(cat "$zig_tools/.ready" 2>/dev/null)" != "$zig_wanted" ]; then
  echo "== installing $zig_wanted"
  rm -rf "$zig_tools"
  /usr/bin/python3 -m venv "$zig_tools"
  # shellcheck disable=SC2086 # one word for each package
  "$zig_tools/bin/pip" install --quiet $zig_wanted
  echo "$zig_wanted" > "$zig_tools/.ready"
fi
export ZIG_GLOBAL_CACHE_DIR=$zig_tools/cache
# Else it is looked for by the first Python in PATH, which may be another one.
CARGO_ZIGBUILD_ZIG_PATH=$(echo "$zig_tools"/lib/python3*/site-packages/ziglang/zig)
export CARGO_ZIGBUILD_ZIG_PATH
