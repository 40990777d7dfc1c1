# Every target builds the virtual environment it needs: only Python >= 3.11, make and a C compiler are assumed.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
# One thread for each process: the workers below already fill the cores.
export OPENBLAS_NUM_THREADS ?= 1

COUNT ?= 200
JOBS ?= 1
.PHONY: help demo test test-all test-slurm test-mutations lint bench clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## platinum from first-principles data: conductivities, plots and one HTML page in demo/
	$(BIN)/solenoidal run examples/platinum/platinum.toml --output demo --overwrite

test: $(VENV)/installed-dev ## the tests that guard every change
	$(BIN)/python -m pytest -n 2 -q -m "not slow"

test-all: $(VENV)/installed-dev ## the same and the slow physics
	$(BIN)/python -m pytest -n 2 -q --timeout 3600

test-slurm: $(VENV)/installed-dev ## --slurm on a real Slurm of one node; as root on Debian it installs slurm-wlm and munge
	$(BIN)/python tests/support/slurm.py --install $(BIN)/python -m pytest -q -n 0 --timeout 900 -m slow tests/cli/test_slurm.py

test-mutations: $(VENV)/installed-dev ## COUNT=200 random mistakes on JOBS=1 cores: do the tests notice at least 95 % of them?
	$(BIN)/python tests/mutations/mutate.py --count $(COUNT) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/installed-dev ## ruff, mypy --strict on the package, import laws
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-dev ## the measurements tabulated in benchmarks/README.md
	$(MAKE) --directory benchmarks PYTHON=$(abspath $(BIN))/python

clean: ## remove the environment and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache demo
