# shellcheck shell=bash
# Sourced by the scripts beside it, which need Debian 12 with root, apt and crates.io. They do not touch the rustup toolchain: Debian's own `rustc-web`
# comes with the source of `std`, which is built for targets that have none here.

# What building for any foreign target takes.
# shellcheck disable=SC2034 # for those scripts
rust=(rustc-web cargo-web rust-web-src)

# Installs those of the packages that are missing.
install_packages() {
  local missing
  # What was never heard of has no line at all.
  missing=$(for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done)
  [ -n "$missing" ] || return 0
  echo "== installing ${missing//$'\n'/ }"
  apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Prints the options that name the crates that are published: what ships. Needs python3.
published_packages() {
  cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["publish"] != []:
        print("-p", package["name"])'
}

# From here on Debian's cargo and rustc, not rustup's; -Zbuild-std needs the nightly features of that compiler.
use_debians_rust() {
  export PATH=/usr/bin:/bin:/usr/sbin:/sbin RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0
  unset RUSTUP_TOOLCHAIN RUSTC RUSTDOC
}

# From here on the compiler of what is in this workspace is clippy, which compiles, too. Needs rust-web-clippy.
lint_while_building() { # where to write to, clippy's flags
  mkdir -p "$1"
  RUSTC_WORKSPACE_WRAPPER=$1/clippy-that-builds
  printf '#!/bin/sh\nexec /usr/bin/clippy-driver "$@" %s\n' "$2" > "$RUSTC_WORKSPACE_WRAPPER"
  chmod +x "$RUSTC_WORKSPACE_WRAPPER"
  export RUSTC_WORKSPACE_WRAPPER
}
