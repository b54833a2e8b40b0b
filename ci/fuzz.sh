#!/usr/bin/env bash
# Fuzzes every target, or those that are named, for so many seconds each: ci/fuzz.sh [SECONDS_PER_TARGET [TARGET...]]
#
# A finding is a panic, a feed that takes more than its bounds (`BOUNDS` in tests/src/hostile), one that does not end in 10 s, an allocation
# of more than 16 MiB at once (a history's: 80), a process of more than 768 MiB, or what AddressSanitizer has to say. Needs
# `cargo install cargo-fuzz --locked`. With clang, SQLite is instrumented too: the fuzzer sees where its input goes in there, and
# AddressSanitizer sees what it does.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-60}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(cargo fuzz list)
fi

# The flags that cargo-fuzz passes are not stable ones.
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
if clang=$(command -v clang || compgen -c clang- | grep -Ex 'clang-[0-9]+' | sort -t- -k2 -n | tail -n 1) && [ -n "$clang" ]; then
    variable=${host//-/_}
    export "CC_$variable=$clang" "CFLAGS_$variable=-fsanitize=fuzzer-no-link,address"
else
    echo "no clang: SQLite is not instrumented"
fi
# What is freed is kept from being used again for a while; not so much of it that it hides in the process' size.
export ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=0

# Feeds of files write files, and a target that crashes leaves them: in memory, and gone at the end.
scratch=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

failed=()
for target in "${targets[@]}"; do
    # What is found goes into the first folder, which is not committed; the next run goes on from there.
    mkdir -p "found/$target" target/logs
    corpora=("found/$target" "corpus/$target")
    [ -d "regressions/$target" ] && corpora+=("regressions/$target")
    case $target in lifecycle_*) most=80 ;; *) most=16 ;; esac
    log=target/logs/$target.log
    echo "== $target, $seconds s"
    if cargo fuzz run --sanitizer address "$target" "${corpora[@]}" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=768 -malloc_limit_mb="$most" -max_len=32768 >"$log" 2>&1; then
        grep DONE "$log"
    else
        tail -n 40 "$log"
        failed+=("$target")
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]} (whole output: fuzz/target/logs; inputs: fuzz/artifacts)"
    exit 1
fi
