# Two commands for a newcomer: `make demo` and `make test`. Each sets up whatever it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
NAME ?= initialize

SHELL := /bin/bash
.PHONY: demo test test-editors vsix lint soak bench clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Trueup needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/trueup demo

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/trueup check

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

$(VENV)/.editors: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,editors]'
	@touch $@

# The extension of VS Code as one file; node comes from PyPI, as everything else here.
vsix: $(VENV)/.editors
	cd editors/vscode && export PATH="$(CURDIR)/$(BIN):$$PATH" && \
	  npm ci --loglevel=error && npm run --silent package && npm run --silent size

# Real editors, installed into the cache folder at first; pictures are left in tests/editors/shots.
test-editors: vsix
	cd editors/vscode && export PATH="$(CURDIR)/$(BIN):$$PATH" && \
	  npm run --silent check && npm test --silent
	timeout 600 $(BIN)/python -m pytest tests/editors

# Longer counts of the property tests, with a seed; what came of it is committed.
SEED ?= 20261120
soak: $(VENV)/.dev
	set -o pipefail; $(BIN)/python -m pytest -m soak -q -n 2 && \
	  $(BIN)/python -m pytest tests/unit -q -n 2 --hypothesis-profile=soak \
	  --hypothesis-seed=$(SEED) | tee .soak.log
	printf 'make soak SEED=%s: %s\n' '$(SEED)' "$$(tail -n 1 .soak.log)" > tests/soak.txt
	rm .soak.log

# make bench NAME=initialize: a script of bench/, whose last line is one JSON object.
bench: $(VENV)/.bench
	$(BIN)/python bench/$(NAME).py $(ARGS)

clean:
	rm -rf $(VENV)
