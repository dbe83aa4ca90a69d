# Two commands for a newcomer: `make demo` and `make test`. Each sets up whatever it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
NAME ?= initialize

SHELL := /bin/bash
.PHONY: demo test test-editors vsix lint soak bench audit lock clean

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

# What needs the registries: known weaknesses, the workflows, licences, the list of parts, and
# whether two builds are alike. What is built is in dist/, the list in sbom.cdx.json.
AUDIT := $(VENV)/audit/bin
$(VENV)/.audit: requirements/audit.txt $(VENV)/.dev
	$(PYTHON) -m venv $(VENV)/audit
	$(AUDIT)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

audit: $(VENV)/.audit
	$(AUDIT)/pip-audit --strict --require-hashes --disable-pip -r requirements/runtime.txt
	$(AUDIT)/zizmor --offline --min-severity medium .github/workflows
	$(BIN)/python supply/licences.py
	$(AUDIT)/cyclonedx-py requirements --output-reproducible --of JSON -o sbom.cdx.json requirements/runtime.txt
	$(AUDIT)/python supply/reproducible.py

# Newer versions of everything, written down with their hashes.
lock: $(VENV)/.audit
	cd requirements && for name in runtime audit; do \
	  ../$(AUDIT)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file $$name.txt $$([ $$name = runtime ] && echo ../pyproject.toml || echo audit.in); done

clean:
	rm -rf $(VENV)
