#!/usr/bin/env bash
# Builds what ships and its tests for Windows, linted on the way, and runs them under Wine.
#
#   ci/windows.sh [TEST FILTER…]
#
# Needs what ci/debian.sh says. mingw links, Wine runs. What Wine can't show is skipped by the tests that see ONEWORKER_WINE; docs/platforms.md
# lists it. About six minutes on two cores the first time.
#
#   CARGO_TARGET_DIR         default: target/windows; Wine's files lie there, too
#   WINDOWS_TEST_TIMEOUT     for all tests together, in seconds (default: 600)
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/debian.sh
install_packages "${rust[@]}" rust-web-clippy gcc-mingw-w64-x86-64-posix wine64 python3
use_debians_rust
unset DISPLAY
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/windows}
target=x86_64-pc-windows-gnu
# shellcheck disable=SC2207 # one word for each
build=($(published_packages) -Zbuild-std=std,panic_unwind --target "$target")

echo "== building, with clippy"
lint_while_building "$CARGO_TARGET_DIR" '-D warnings'
cargo test --quiet "${build[@]}" --no-run

# Where %LOCALAPPDATA% is.
export ONEWORKER_PROFILE='D:\A profile\Local'
# A prefix of our own: what runs in it is ended with it.
export WINEPREFIX=$CARGO_TARGET_DIR/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' XDG_CACHE_HOME=$CARGO_TARGET_DIR/cache ONEWORKER_WINE=1
wine=/usr/lib/wine
trap '"$wine/wineserver" -k >/dev/null 2>&1 || true' EXIT
if [ ! -e "$WINEPREFIX/.made" ]; then
  echo "== making a Windows"
  rm -rf "$WINEPREFIX"
  timeout 180 "$wine/wine64" wineboot -i >/dev/null 2>&1
  timeout 60 "$wine/wine64" reg add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null 2>&1
  # The profile is on another drive than Windows.
  mkdir -p "$CARGO_TARGET_DIR/drive/A profile/Local"
  ln -sfn "$CARGO_TARGET_DIR/drive" "$WINEPREFIX/dosdevices/d:"
  timeout 60 "$wine/wine64" reg add 'HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders' /v 'Local AppData' /d "$ONEWORKER_PROFILE" /f >/dev/null 2>&1
  # `std` takes its random bytes from a library that Wine 8 lacks.
  cat > "$CARGO_TARGET_DIR/bcryptprimitives.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T left) {
  while (left) {
    ULONG some = left > 0x10000000u ? 0x10000000u : (ULONG)left;
    if (!SystemFunction036(bytes, some)) return FALSE;
    bytes += some; left -= some;
  }
  return TRUE;
}
C
  x86_64-w64-mingw32-gcc -O2 -shared -s -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$CARGO_TARGET_DIR/bcryptprimitives.c" -ladvapi32
  timeout 60 "$wine/wineserver" -w || "$wine/wineserver" -k
  touch "$WINEPREFIX/.made"
fi

# Wine hands on eight bits of an exit status, in which some ends by a fault read as success: a test program has to say that all is well.
runner=$CARGO_TARGET_DIR/wine-run
cat > "$runner" <<'RUN'
#!/bin/sh
said=$(mktemp)
timeout 300 /usr/lib/wine/wine64 "$@" </dev/null >"$said" 2>&1
status=$?
cat "$said"
if [ "$status" = 0 ] && ! grep -aq '^test result: ok' "$said"; then
  echo "$1 ended without a result" >&2
  status=97
fi
rm -f "$said"
exit "$status"
RUN
chmod +x "$runner"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$runner

echo "== running the tests"
timeout "${WINDOWS_TEST_TIMEOUT:-600}" cargo test --quiet --lib --bins --tests "${build[@]}" --no-fail-fast -- "$@"
echo "== all well  [${SECONDS}s]"
