#!/usr/bin/env bash
# The instruction gate: replays 50,000 fixed bids through the rules and through the shard under
# callgrind and compares the instructions with bench/gate.txt. Counts do not depend on the load of
# the machine, so a few per cent are visible here that no stopwatch shows.
#   scripts/instructions.sh            compare; more than 5 % above fails
#   scripts/instructions.sh --accept   write the new counts, to be committed with their reason
set -euo pipefail
cd "$(dirname "$0")/.."

committed=bench/gate.txt
limit=5 # per cent

if ! command -v valgrind >/dev/null; then
  echo "gate: skipped, valgrind is not installed (scripts/setup.sh test)"
  exit 0
fi
machine=$(uname -m)
if ! grep -q "^$machine " "$committed" 2>/dev/null && [ "${1:-}" != --accept ]; then
  echo "gate: skipped, $committed has no counts for $machine (make gate ACCEPT=--accept)"
  exit 0
fi

cargo build --quiet --release --locked --package bench
binary=${CARGO_TARGET_DIR:-target}/release/gavel-bench

instructions() { # scenario
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" 2>&1 >/dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

failed=0
fresh=()
for scenario in gate-rules gate-shard; do
  count=$(instructions "$scenario")
  if [ -z "$count" ]; then
    echo "gate: $scenario did not run to its end under callgrind" >&2
    exit 1
  fi
  fresh+=("$machine $scenario $count")
  [ "${1:-}" != --accept ] || continue
  before=$(awk -v m="$machine" -v s="$scenario" '$1 == m && $2 == s { print $3 }' "$committed")
  if [ -z "$before" ]; then
    echo "gate: $committed has no count for $scenario; make gate ACCEPT=--accept" >&2
    failed=1
    continue
  fi
  change=$(awk -v a="$before" -v b="$count" 'BEGIN { printf "%+.2f", (b - a) * 100 / a }')
  echo "gate: $scenario $((count / 50000)) instructions a bid, $change % against $committed"
  if awk -v c="$change" -v l="$limit" 'BEGIN { exit !(c > l) }'; then
    failed=1
  elif awk -v c="$change" -v l="$limit" 'BEGIN { exit !(c < -l) }'; then
    echo "gate: better by more than $limit %: commit it with make gate ACCEPT=--accept"
  fi
done

if [ "${1:-}" = --accept ]; then
  others=$(grep -v "^$machine \|^#" "$committed" 2>/dev/null || true)
  {
    echo "# Instructions of a fixed replay of 50,000 bids: machine, scenario, count."
    echo "# Written by make gate ACCEPT=--accept; say in the commit why a count went up."
    if [ -n "$others" ]; then echo "$others"; fi
    printf '%s\n' "${fresh[@]}"
  } >"$committed.new"
  mv "$committed.new" "$committed"
  cat "$committed"
elif [ "$failed" = 1 ]; then
  cat >&2 <<TEXT
gate: a bid costs more than $limit % more instructions than committed. Find out why:
    valgrind --tool=callgrind --dump-instr=yes $binary gate-shard
    callgrind_annotate callgrind.out.*
  If it is the price of something wanted, accept it: make gate ACCEPT=--accept
TEXT
  exit 1
fi
