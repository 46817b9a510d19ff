# `make help` lists the targets. `make check` before each commit; `make test` is what CI runs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME := demo-data
DEMO_NAME := CustomSeg_Person_20261122_demo
MMSEG := .venv-mmseg
# On all cores, a file's tests on one of them: they share servers and artifacts. Grouped and in the
# order of tests/scheduling.py, the longest files first; else xdist begins with the most tests.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
# Ten examples of each law; `make test` takes as many as the law asks for.
EXAMPLES := --hypothesis-profile=check

# Compiled modules are kept whatever the shell says: without them pytest rewrites 300 test modules in
# each process, and each of the programs that tests start compiles ours again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo check format lint types imports unit service slow test setup up down \
	mmseg-check desk-check record-stages docs clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(READY) ## Publish a small dataset of media that the installed packages carry.
	@MATTEFLOW_HOME=$(DEMO_HOME) $(BIN)/matteflow ingest demo --recipe demo

# Three at once: mypy and import-linter each use one core and leave the other to the tests.
check: $(READY) ## Run the static checks and the unit tests, a minute on two cores.
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint types imports unit

format: $(READY) ## Format the code and fix what ruff can fix.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(READY) ## Compare the format and run the lint rules.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY) ## Check the types (mypy, strict).
	@$(BIN)/mypy

imports: $(READY) ## Check who may import whom (import-linter).
	@$(BIN)/lint-imports

unit: $(READY) ## Run the tests without server, child process, network or video encoding.
	@$(PYTEST) -m unit $(EXAMPLES)

service: $(READY) ## Run the tests with an S3 server, HTTP on loopback, child processes, videos.
	@$(PYTEST) -m service

slow: $(READY) ## Run the tests with model weights, Prefect servers, killed processes.
	@$(PYTEST) -m slow

test: $(READY) ## Run all tests.
	@$(PYTEST)

setup: $(READY) ## Install everything into .venv.

up: $(READY) ## Start a Prefect server and a worker on this machine.
	@MATTEFLOW_BIN=$(CURDIR)/$(BIN) sh deployments/local.sh up

down: ## Stop them.
	@MATTEFLOW_BIN=$(CURDIR)/$(BIN) sh deployments/local.sh down

# `--without-pip`, because Debian keeps ensurepip in another package; pip installs itself instead.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "matteflow needs Python 3.11 as $(PYTHON); name another with: make PYTHON=..."; exit 2; }
	@echo "Setting up $(VENV): about 7 GB, three to ten minutes, once."
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet pip==26.3
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	@sh deployments/system-libraries.sh $(BIN)/python
	@echo "Compiling the matting library once (rembg's pymatting, about a minute)."
	@$(BIN)/python -W ignore -c "import rembg"
	@touch $(READY)

# `make test` skips these where there is no chromium.
desk-check: $(READY) ## Test the curator's desk in a real browser (installs Debian's chromium).
	@sh deployments/chromium.sh
	@$(BIN)/python -m pytest tests/flows/desk

# Real mmsegmentation, in an environment of its own, loads the demo's version and learns from it.
mmseg-check: demo $(MMSEG)/.ready ## Train real mmsegmentation on the demo for a few steps.
	@rm -rf $(DEMO_HOME)/mmseg
	@MATTEFLOW_HOME=$(DEMO_HOME) $(BIN)/matteflow pull $(DEMO_NAME) --to $(DEMO_HOME)/mmseg
	@$(MMSEG)/bin/python -W ignore tests/mmseg/check.py $(DEMO_HOME)/mmseg/$(DEMO_NAME)

# torch first: what comes after would take the build for graphics cards.
$(MMSEG)/.ready: tests/mmseg/requirements.txt
	@echo "Setting up $(MMSEG): about 1.5 GB, two to three minutes, once."
	@$(PYTHON) -m venv --without-pip $(MMSEG)
	@$(PYTHON) -m pip --python $(MMSEG)/bin/python install --quiet pip==26.3
	@$(MMSEG)/bin/python -m pip install --quiet torch==2.13.0
	@$(MMSEG)/bin/python -m pip install --quiet --requirement tests/mmseg/requirements.txt
	@touch $(MMSEG)/.ready

# After a change that does not alter what a stage gives out; else raise the stage's VERSION first.
record-stages: $(READY) ## Record the digests of the stages' code again.
	@$(BIN)/python -m tests.architecture.stage_digests

docs: $(READY) ## Write the pages that follow from the code: docs/settings.md, docs/rules.md.
	@$(BIN)/python -m docs.generate

clean: ## Remove the environments and the demo.
	rm -rf $(VENV) $(MMSEG) $(DEMO_HOME) build *.egg-info
