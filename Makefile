# `make help` lists the targets. `make check` before each commit; `make test` is what CI runs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME := demo-data
DEMO_NAME := CustomSeg_Person_20261122_demo
MMSEG := .venv-mmseg
LABELSTUDIO := .venv-labelstudio
TOOLS := .venv-tools
SBOM := sbom.cdx.json
# Every package for every platform, with the sha256 of each of its files. Versions stay as the lock
# has them, unless pyproject.toml asks for others; all anew: make lock UPGRADE=--upgrade.
UPGRADE :=
COMPILE = $(TOOLS)/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" $(UPGRADE)
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
	mmseg-check labelstudio-check desk-check record-stages docs lock sbom clean

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
# Each file is compared with the lock before anything of it is used; wheels only, so that no package
# runs code while it is installed. Then the project itself, which needs nothing more.
$(READY): pyproject.toml locks/packages.lock locks/pip.lock
	@command -v $(PYTHON) >/dev/null || { echo "matteflow needs Python 3.11 as $(PYTHON); name another with: make PYTHON=..."; exit 2; }
	@echo "Setting up $(VENV): about 7 GB, three to ten minutes, once."
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes --requirement locks/pip.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: --requirement locks/packages.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
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

# A real Label Studio, in an environment of its own, shows the demo's masks and gives edited ones back.
labelstudio-check: demo $(LABELSTUDIO)/.ready ## Send masks to a real Label Studio and take them back.
	@$(BIN)/python -W ignore -m tests.labelstudio.check $(DEMO_HOME) $(LABELSTUDIO)

$(LABELSTUDIO)/.ready: tests/labelstudio/requirements.txt
	@echo "Setting up $(LABELSTUDIO): about 1 GB, two minutes, once."
	@$(PYTHON) -m venv --without-pip $(LABELSTUDIO)
	@$(PYTHON) -m pip --python $(LABELSTUDIO)/bin/python install --quiet pip==26.3
	@$(LABELSTUDIO)/bin/python -m pip install --quiet --requirement tests/labelstudio/requirements.txt
	@touch $(LABELSTUDIO)/.ready

# After a change that does not alter what a stage gives out; else raise the stage's VERSION first.
record-stages: $(READY) ## Record the digests of the stages' code again.
	@$(BIN)/python -m tests.architecture.stage_digests

docs: $(READY) ## Write the pages that follow from the code: docs/settings.md, docs/rules.md.
	@$(BIN)/python -m docs.generate

lock: $(TOOLS)/.ready ## Pin all packages and their hashes: locks/*.lock, constraints.txt.
	@$(COMPILE) --all-extras --no-emit-package matteflow --output-file locks/packages.lock pyproject.toml
	@echo pip==26.3 | $(COMPILE) --output-file locks/pip.lock -
	@$(COMPILE) --output-file locks/tools.lock locks/tools.in
	@{ echo "# Written by make lock: the versions of locks/packages.lock, for installations of some extras."; \
		sed -n 's/^\([A-Za-z0-9].*==[^ ]*\( ;.*[^\\ ]\)\{0,1\}\) \\$$/\1/p' locks/packages.lock; } > constraints.txt

sbom: $(READY) $(TOOLS)/.ready ## Write sbom.cdx.json: all installed packages with their licences (CycloneDX).
	@$(TOOLS)/bin/cyclonedx-py environment --no-validate --output-reproducible --pyproject pyproject.toml \
		--output-format JSON --output-file $(SBOM) $(BIN)/python
	@echo "$(SBOM) written"

$(TOOLS)/.ready: locks/tools.lock
	@$(PYTHON) -m venv --without-pip $(TOOLS)
	@$(PYTHON) -m pip --python $(TOOLS)/bin/python install --quiet --require-hashes --requirement locks/tools.lock
	@touch $(TOOLS)/.ready

clean: ## Remove the environments and the demo.
	rm -rf $(VENV) $(MMSEG) $(LABELSTUDIO) $(TOOLS) $(SBOM) $(DEMO_HOME) build *.egg-info
