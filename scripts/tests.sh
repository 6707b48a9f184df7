#!/usr/bin/env bash
# Every test of every crate, and one line that says how many at the end. Takes cargo-nextest where
# it is installed, because it runs crates side by side; the results are the same.
set -euo pipefail
cd "$(dirname "$0")/.."

# Said last, because what passes says nothing.
left_out() {
  [ -n "${CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null ||
    echo "tests: those of the page in a browser were LEFT OUT, because there is no Chromium"
}
trap left_out EXIT

if command -v cargo-nextest >/dev/null; then
  cargo test --workspace --locked --quiet --doc
  cargo nextest run --workspace --locked --no-fail-fast --status-level fail
  exit
fi
cargo test --workspace --locked --no-fail-fast 2>&1 | awk '
  { print; fflush() }
  /^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "tests: %d passed, %d failed, %d ignored\n", passed, failed, ignored }'
