# Everything one does with Gavel. Each target does its own set-up; `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests run test fmt lint tidy unit arena judge scripts deny gate bench bench-full bench-peers sim mutants soak clean

# Where the auction house lives and listens when started by `make run`.
DATA   ?= gavel-data
LISTEN ?= 127.0.0.1:8080
# What the arena draws its choices from, and how long faults go on in the long form.
SEED   ?= 1
SOAK   ?= 1800
# How many fresh seeds `make sim` runs: a million operations.
SEEDS  ?= 2400
CARGO  := cargo
SIM    := $${CARGO_TARGET_DIR:-target}/sim/gavel-sim

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile

setup: ## install what building needs
	@scripts/setup.sh build

setup-tests: ## install what the tests need besides
	@scripts/setup.sh test

run: setup ## build the release binary and serve (DATA=folder, LISTEN=address:port)
	$(CARGO) build --release --locked --package gavel-server --bin gavel
	$${CARGO_TARGET_DIR:-target}/release/gavel serve --data $(DATA) --listen $(LISTEN)

# The tests of the code come last, so that their summary ends the output.
test: setup-tests fmt lint tidy scripts deny gate judge arena unit ## all checks

fmt: ## the layout of the code
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

tidy: ## the house rules and the walls between the crates
	$(CARGO) xtask tidy

unit: ## every test of every crate
	@scripts/tests.sh

judge: ## the simulator: 2,000 fixed seeds, what was found once, every planted bug
	$(CARGO) build --profile sim --locked --package gavel-sim --features mutants
	@$(SIM) run --seeds 1..2000 --jobs $$(nproc)
	@$(SIM) run --seeds crates/sim/seeds.txt --jobs $$(nproc)
	@$(SIM) kept crates/sim/kept
	@$(SIM) mutants --seeds 2000 --jobs $$(nproc) | tail -n 1

scripts: ## the shell scripts parse
	@for script in scripts/*.sh .ci/run; do bash -n "$$script"; done
	@echo "scripts: all parse"

deny: ## licences and sources of what we depend on, where cargo-deny is installed
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --log-level error check licenses bans sources; \
	else echo "deny: skipped, because cargo-deny is not installed"; fi

gate: ## instructions per bid, against bench/gate.txt
	@scripts/instructions.sh $(ACCEPT)

bench: setup-tests ## load against the real binary; about ten minutes
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench all --quick

bench-full: setup-tests ## the same, three long rounds
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench all

bench-peers: setup-tests ## installs servers of others and measures beside them
	npm ci --prefix bench/peers --ignore-scripts --no-audit --no-fund --silent
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench all --only B14

sim: ## the simulator on fresh seeds, a million operations (SEEDS=number); keeps those that fail
	$(CARGO) build --profile sim --locked --package gavel-sim
	@from=$$(($$(date +%s) * 1000)); $(SIM) run --seeds $$from..$$((from + $(SEEDS) - 1)) \
	  --jobs $$(nproc) --keep crates/sim/kept

mutants: ## each planted bug, how many seeds it takes to find it, and which check does
	$(CARGO) build --profile sim --locked --package gavel-sim --features mutants
	@$(SIM) mutants --jobs $$(nproc)

arena: setup-tests ## the real house under every fault, a few seconds each (SEED=number)
	$(CARGO) build --locked --package gavel-server --bin gavel --package gavel-sim --bin gavel-sim
	$${CARGO_TARGET_DIR:-target}/debug/gavel-sim arena --profile smoke --seed $(SEED)

soak: setup-tests ## the same for long (SOAK=seconds), then ten minutes of one hot auction
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench --package gavel-sim --bin gavel-sim
	$${CARGO_TARGET_DIR:-target}/release/gavel-sim arena --profile long --seconds $(SOAK) --seed $(SEED)
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench soak --seconds 600

clean: ## what was built; never the data
	$(CARGO) clean
