# Everything a developer types. Each target makes its own .venv when that is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The version that the figures and tests were made with; first and apart, so that no later range pulls another one.
TORCH := torch==2.13.0

.PHONY: help demo test test-extras lint browser docs site bench bench-store bench-detection bench-lr bench-repair bench-data

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "netvet needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "no venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "installing into .venv (some minutes the first time)"
	$(PIP) $(TORCH)
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(READY) ## watch netvet find the fault in examples/digits.py
	@mkdir -p .netvet
	@! test -t 1 || export FORCE_COLOR=1; \
	code=0; $(BIN)/netvet run examples/digits.py 2>&1 | tee .netvet/demo.txt || code=$$?; \
	test $$code = 1 || { echo "demo: expected exit code 1 (findings), got $$code" >&2; exit 1; }; \
	grep -q 'double-softmax' .netvet/demo.txt || { echo "demo: the diagnosis was not printed" >&2; exit 1; }

# A browser for the tests of the page. Elsewhere than on Debian: NETVET_CHROMIUM=/path/to/chromium.
browser:
	@test -n "$${NETVET_CHROMIUM:-}" || command -v chromium >/dev/null || { \
	  echo "installing chromium"; as=; test $$(id -u) = 0 || as=sudo; \
	  $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

test: $(READY) browser ## run the tests, then those of the extras
	$(BIN)/python -m pytest -n 2
	$(BIN)/python -m tools.test_extras

test-extras: $(READY) browser ## run the tests of frameworks and services, each in an environment of its own
	$(BIN)/python -m tools.test_extras

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src

docs: $(READY) ## write the generated pages and check every link
	$(BIN)/python -m tools.generate_docs

site: $(READY) ## build the documentation as a site into build/site, strictly
	$(BIN)/python -m tools.test_extras --make docs
	.venvs/docs/bin/python -m tools.make_site
	@echo "open build/site/index.html"

bench: $(READY) ## what a pre-flight takes, and what netvet and others cost a training step (about an hour)
	$(BIN)/python -m benchmarks.preflight
	$(BIN)/python -m benchmarks.overhead

bench-store: $(READY) ## what a stored run of a million steps costs, and what kill -9 leaves of it (about 4 minutes)
	$(BIN)/python -m benchmarks.store

bench-detection: $(READY) ## how often the diagnosis is right (about an hour)
	$(BIN)/python -m benchmarks.detection --figures docs/figures/detection.json
	$(BIN)/python -m tools.generate_docs

bench-lr: $(READY) ## how good recommended learning rates are, beside other range tests (about 10 minutes)
	$(BIN)/python -m benchmarks.lr_range

bench-repair: $(READY) ## how often `netvet fix` repairs a program, and how long that takes (about two hours)
	$(BIN)/python -m benchmarks.repair
	$(BIN)/python -m benchmarks.repair --healthy

bench-data: $(READY) ## how many planted faults an audit finds, beside cleanlab and CleanVision (about 10 minutes)
	$(BIN)/python -m benchmarks.data
