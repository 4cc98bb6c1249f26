# Two commands do all their own set-up from a bare clone: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: help demo test check bench bench-dicom bench-schedules bench-plan bench-prefecture kill-prefecture bench-coding bench-sync kill-test fault-sessions fuzz storm conformance fmt lock clean setup-run setup-dev system-packages simulate simulate-planted sync-rules

help:              ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

demo: setup-run    ## one clinic day on this machine: devices, no coverage, coverage, hospital, bureau's table
	@$(BIN)/clinic demo $(DEMO_ARGS)

test: setup-dev system-packages ## all tests; those whose program is missing skip and say so
	@$(BIN)/python -m pytest -n 2 -q $(TEST_ARGS)

check: setup-dev   ## lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

bench: setup-dev   ## the README's figures, each beside a limit measured in the same run
	@$(BIN)/python -m benchmarks.figures

bench-dicom: setup-dev system-packages ## C-STORE beside DCMTK, Orthanc, pynetdicom and the disk; a 2 GB study; hostile callers
	@$(BIN)/python -m benchmarks.dicom_report

bench-schedules: setup-dev ## a prefecture's and a province's year imported, laid out, checked, written; each beside its aim
	@$(BIN)/python -m benchmarks.schedules

bench-plan: setup-dev ## a county's week planned by us and by PyVRP at 10 s, five seeds
	@$(BIN)/python -m benchmarks.plan_bench

bench-coding: setup-dev ## size and speed of every coder: the generated day, real frames, records
	@$(BIN)/python -m benchmarks.coding

bench-sync: setup-dev system-packages ## the clinic day over a bad link, ours and rivals; BENCH_ARGS="--profile outage --day real --only raw ours nats"
	@$(BIN)/python -m benchmarks.sync $(BENCH_ARGS)

bench-prefecture: setup-dev system-packages ## 64 vehicles come home at once to PostgreSQL and mosquitto, with 1 and with 4 workers
	@$(BIN)/python -m benchmarks.prefecture --tls

kill-prefecture: setup-dev system-packages ## PostgreSQL, workers and broker killed while vehicles come home; goes on where the ledger ends
	@$(BIN)/python -m benchmarks.prefecture.kill

kill-test: setup-dev ## 200 kill -9 cycles over agent, listener, broker, hospital
	@$(BIN)/python -m benchmarks.kill_test --cycles 200

fault-sessions: setup-dev ## 1,000 faulty connections and 300 kill -9 while a clinic works; goes on where the ledger ends
	@$(BIN)/python -m benchmarks.fault_sessions

fuzz: setup-dev    ## mutated device bytes against every parser, 100,000 inputs each; goes on where the ledger ends
	@$(BIN)/python -m benchmarks.fuzz

simulate: setup-dev ## whole fleets in simulated time to a million vehicle-hours; goes on where the ledger ends
	@$(BIN)/python -m benchmarks.simulation

simulate-planted: setup-dev ## one planted bug after the other: within how many seeds the simulation finds it
	@$(BIN)/python -m benchmarks.simulation --planted

sync-rules: setup-dev ## each rule of sync switched off in a copy of the code: its tests must fail
	@$(BIN)/python -m benchmarks.sync_rules

conformance: setup-dev ## every real device file: our verdict beside independent readers, into docs/devices/CONFORMANCE.md
	@$(BIN)/python -m benchmarks.conformance

storm: setup-dev   ## twelve devices talking at once for ten minutes, one shaken loose every five seconds
	@$(BIN)/python -m benchmarks.storm

fmt: setup-dev     ## format and sort
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock:              ## make the locks again from pyproject.toml
	@tools/lock.sh

setup-run:         ## the virtual environment with what the product needs
	@tools/setup.sh run

setup-dev:         ## the same with what checks and tests need
	@tools/setup.sh dev

system-packages:   ## programs tests talk to (broker, DICOM tools, database, browser): root installs, others are told
	@tools/system-packages.sh

clean:             ## everything that set-up made
	@rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist build clinic_web/node_modules clinic_web/static/vendor
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
