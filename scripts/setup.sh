#!/usr/bin/env bash
# Installs the Debian packages that a target needs; silent when nothing is missing.
#   scripts/setup.sh build   to compile and run
#   scripts/setup.sh test    to run all checks and benches
set -euo pipefail

purpose=${1:-build}

# command:package. A command that is there is never installed again.
needed=(cc:gcc make:make pkg-config:pkg-config)
if [ "$purpose" = test ]; then
  needed+=(valgrind:valgrind strace:strace curl:curl jq:jq sqlite3:sqlite3
    openssl:openssl python3:python3)
  needed+=(faketime:faketime mkfs.btrfs:btrfs-progs mkfs.ext4:e2fsprogs prlimit:util-linux)
  needed+=(redis-server:redis-server) # the view of the dialect flash is written to a real one
  needed+=(aiosmtpd:python3-aiosmtpd) # the mail server that tests of letters talk to
  needed+=(node:nodejs npm:npm) # the official client of Socket.IO runs on Node 20 or later
  needed+=(chromium:chromium) # looks at the page
fi

missing=()
for pair in "${needed[@]}"; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done

# A C compiler without the C library's headers cannot build SQLite.
if command -v cc >/dev/null && ! echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1; then
  missing+=(libc6-dev)
fi

# A client of a dialect is written in Python, as its reference's own are.
if [ "$purpose" = test ] && ! python3 -c 'import requests' >/dev/null 2>&1; then
  missing+=(python3-requests)
fi

install() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || return 1
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || return 1
  echo "setup: installing $*"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq \
    --no-install-recommends "$@" >/dev/null
}

if [ "${#missing[@]}" -gt 0 ] && ! install "${missing[@]}"; then
  echo "setup: these are missing and could not be installed here: ${missing[*]}" >&2
  # Only what compiling needs is worth stopping for: a check that lacks its tool says so itself.
  for package in "${missing[@]}"; do
    case $package in
      gcc | make | pkg-config | libc6-dev) exit 1 ;;
    esac
  done
fi

if ! command -v cargo >/dev/null; then
  cat >&2 <<'TEXT'
setup: Rust is missing. Install it with rustup (https://rustup.rs):
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
  then open a new shell. The right version is chosen by rust-toolchain.toml.
TEXT
  exit 1
fi

# What tests in Node stand on, exactly as it is pinned: the official client of Socket.IO above all.
live="$(dirname "$0")/../web/live"
if [ "$purpose" = test ] && [ ! "$live/node_modules/.package-lock.json" -nt "$live/package-lock.json" ]; then
  echo "setup: installing what web/live is tested with"
  npm ci --prefix "$live" --ignore-scripts --no-audit --no-fund --silent &&
    touch "$live/node_modules/.package-lock.json" ||
    echo "setup: that could not be installed; tests of the live room will fail" >&2
fi
