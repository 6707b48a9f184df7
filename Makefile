# Everything one does with Gavel. Each target does its own set-up; `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests run test fmt lint tidy unit scripts gate bench bench-full sim soak clean

# Where the auction house lives and listens when started by `make run`.
DATA   ?= gavel-data
LISTEN ?= 127.0.0.1:8080
CARGO  := cargo

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
test: setup-tests fmt lint tidy scripts gate unit ## all checks

fmt: ## the layout of the code
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

tidy: ## the house rules and the walls between the crates
	$(CARGO) xtask tidy

unit: ## every test of every crate
	@scripts/tests.sh

scripts: ## the shell scripts parse
	@for script in scripts/*.sh .ci/run; do bash -n "$$script"; done
	@echo "scripts: all parse"

gate: ## instructions per bid, against bench/gate.txt
	@scripts/instructions.sh $(ACCEPT)

bench: setup-tests ## load against the real binary; about ten minutes
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench all --quick

bench-full: setup-tests ## the same, three long rounds
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench all

sim: ## the simulator
	@echo "sim: the simulator is not part of this version yet"

soak: setup-tests ## ten minutes of one hot auction; fails if a single accepted bid is missing
	$(CARGO) build --release --locked --package gavel-server --bin gavel --package bench --bin gavel-bench
	$${CARGO_TARGET_DIR:-target}/release/gavel-bench soak --seconds 600

clean: ## what was built; never the data
	$(CARGO) clean
