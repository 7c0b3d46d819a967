# One door: everything a developer or a visitor runs. Needs only make and Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Where byte code is not kept, each process compiles every library anew: twice the time to start one.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test storm check format bench bench-links install system-demo system-test clean

demo: system-demo install  ## Build a real catalogue, ingest, train, judge and search it.
	$(BIN)/python -m examples.emoji

test: system-test install  ## Run every test.
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

storm: system-test install  ## Kill processes at random for an hour while clients write, delete and search.
	$(BIN)/python -m tests.storm

check: install  ## Format, lint, types, import direction.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## Rewrite the sources in the house's format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## Run all benchmarks and print what falls short.
	$(BIN)/python -m benchmarks

bench-links: install  ## Train every recipe of link prediction with three seeds: hours.
	$(BIN)/python -m benchmarks.links all

install: $(STAMP)

# uv comes from PyPI into the environment itself, so nothing outside the checkout is touched.
$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -q platform graph encoders workers migrations
	@touch $@

system-demo:
	@bash deploy/system-packages demo

system-test:
	@bash deploy/system-packages demo test

clean:  ## Remove the environment, caches and the demo's home.
	rm -rf $(VENV) .venv-peers .venv-graph-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist demo-home
