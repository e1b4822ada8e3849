# The only thing that must be there is a Python 3.11 or newer; the rest is set up in .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: help setup run check quick test bench clean
.DEFAULT_GOAL := help

help:
	@echo "make run     set up, start Penstock, stream real market data through it, stay up until Ctrl-C"
	@echo "make test    the whole suite (real clients, Apache Kafka beside it)"
	@echo "make quick   the everyday part of the suite, under three minutes"
	@echo "make check   lint, types, the import rules"
	@echo "make setup   a virtual environment in $(VENV), which all of these make when it is not there"
	@echo "make bench   measure against Apache Kafka (long; writes docs/benchmarks.md)"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Penstock needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python3.11)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q src
	@touch $(STAMP)

run: setup
	@exec $(BIN)/python -m penstock.cli.tour

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: setup
	$(BIN)/python -m pytest -m "not slow and not clients and not apache" -n 2 --dist loadfile

test: setup check
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: setup
	$(BIN)/python -m bench.run

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
