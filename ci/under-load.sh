#!/usr/bin/env bash
# Runs the whole suite N times (3) beside twenty busy loops: ci/under-load.sh [N]. Every test has to pass each time.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
loops=20

# Built before the loops start: how long that takes is not what is tested.
cargo test --workspace --no-run --quiet

pids=()
end_loops() {
    # By their pids: other loops on this machine are not ours.
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
}
trap end_loops EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for _ in $(seq "$loops"); do
    sh -c 'while :; do :; done' &
    pids+=($!)
done

failed=0
for round in $(seq "$rounds"); do
    log=$(mktemp "${TMPDIR:-/tmp}/under-load-$round.XXXXXX")
    echo "round $round of $rounds: load average $(cut -d' ' -f1-3 /proc/loadavg)"
    begun=$SECONDS
    if cargo test --workspace --no-fail-fast >"$log" 2>&1; then
        result=passed
        rm -f "$log"
    else
        result="FAILED, see $log"
        failed=$((failed + 1))
        grep -E '^test .* FAILED$|^error: ' "$log" || true
    fi
    echo "  $result after $((SECONDS - begun)) s: load average $(cut -d' ' -f1-3 /proc/loadavg)"
done
echo "$((rounds - failed)) of $rounds rounds passed"
[ "$failed" -eq 0 ]
