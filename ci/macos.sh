#!/usr/bin/env bash
# What holds on this Mac: builds the program and runs its tests, and says of each guarantee whether its tests have passed.
#
#   ci/macos.sh
#
# Needs Rust and Apple's command line tools (`xcode-select --install`). About ten minutes, most of which is the building. Nothing is installed, and nothing
# but temporary directories is written to. Send the file that it names at the end, whatever it says.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ "$(uname -s)" = Darwin ] || { echo "this is for a Mac; here it is $(uname -s)" >&2; exit 2; }

report=$PWD/target/macos-report.txt log=$PWD/target/macos-tests.txt
mkdir -p target
echo "== building the program"
cargo build --release --package oneworker || exit 1
echo "== building and running the tests"
# Ten storms of fifty sessions, and a hundred ends by force at random.
EVERYWHERE_ROUNDS=10 EVERYWHERE_SESSIONS=50 EVERYWHERE_KILLS=100 \
  cargo xtask ci --step tests 2>&1 | tee "$log" | grep -E '^(running|test result)'

state=$(mktemp -d)/state
program=target/$(rustc -vV | sed -n 's/^host: //p')/release/oneworker
trap '"$program" stop --state-dir "$state" --quiet >/dev/null 2>&1; rm -rf "$(dirname "$state")"' EXIT

# `$(…)` returns although the worker lives on, and the worker is found again by a program that was moved.
by_hand() {
  local url again copy
  url=$("$program" ensure --state-dir "$state" --port auto --deadline 30s) || return 1
  copy=$(dirname "$state")/copy
  cp "$program" "$copy"
  again=$("$copy" ensure --state-dir "$state" --port auto) || return 1
  [ "$url" = "$again" ] && "$copy" put --state-dir "$state" --session s --kind k mac >/dev/null && "$copy" doctor --state-dir "$state"
}

# Whether every test whose name matches has passed, and there was one.
passed() { grep -Eq "^test .*($1).* ok\$" "$log" && ! grep -Eq "^test .*($1).* FAILED\$" "$log"; }
line() { if "${@:2}" >>"$log" 2>&1; then printf 'holds   %s\n' "$1"; else printf 'FAILS   %s\n' "$1"; fi; }
{
  echo "oneworker $("$program" --version), $(sw_vers -productName 2>/dev/null) $(sw_vers -productVersion 2>/dev/null), $(uname -m), $(git rev-parse --short HEAD 2>/dev/null), $(date -u +%FT%TZ)"
  line 'one at most: a storm of sessions gets one worker' passed 'a_storm_gets_one_worker'
  line 'one at least: starters and workers that are killed at random are succeeded' passed 'starters_and_workers_are_ended_at_random|ended_by_force'
  line 'locks: exclusion between threads and processes' passed 'locks::'
  line 'truthful answers: proofs' passed 'proof::'
  line 'nobody else gets hurt: a pid with another start time is not signalled (proc_pidinfo)' passed 'processes::'
  line 'the end of a process is told (kqueue, NOTE_EXIT)' passed 'the_end_of_a_process_is_noticed'
  line 'no stale writes: the fence, with F_FULLFSYNC' passed 'whatever_an_earlier_tenure_writes|a_transaction_that_was_begun_before|no_row_of_a_lower_epoch'
  line 'nothing left behind: process groups and the mark (KERN_PROCARGS2)' passed 'marker::|environment::|a_supervised_command_serves'
  line 'clocks that exclude sleep' passed 'clock::'
  line 'the sockets are passed to a successor (SCM_RIGHTS)' passed 'passing::'
  line 'paths with spaces and letters of any kind' passed 'paths_may_have_spaces'
  # shellcheck disable=SC2016 # it is a name
  line 'by hand: $(...) returns, a copy finds the worker, doctor is silent' by_hand
  echo
  grep -E '^test .* FAILED$' "$log" | sed 's/^/        /'
} | tee "$report"
echo "== the report: $report; the tests' output: $log"
! grep -q '^FAILS' "$report"
