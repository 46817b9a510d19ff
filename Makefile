# The two commands: `make demo` and `make test`. `make check` before each commit.
# `make up` brings up a Prefect server and a worker on this machine, `make down` stops them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME := demo-data
# On all cores, a file's tests on one of them: they share servers.
SPREAD := -n auto --dist loadfile
DEMO_NAME := CustomSeg_Person_20261122_demo
MMSEG := .venv-mmseg

.PHONY: demo test check setup up down mmseg-check record-stages docs clean

demo: $(READY)
	@MATTEFLOW_HOME=$(DEMO_HOME) $(BIN)/matteflow ingest demo --recipe demo

test: $(READY)
	@$(BIN)/python -m pytest $(SPREAD)

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest $(SPREAD) -m "not slow"

setup: $(READY)

up: $(READY)
	@MATTEFLOW_BIN=$(CURDIR)/$(BIN) sh deployments/local.sh up

down:
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

# Real mmsegmentation, in an environment of its own, loads the demo's version and learns from it.
mmseg-check: demo $(MMSEG)/.ready
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
record-stages: $(READY)
	@$(BIN)/python -m tests.architecture.stage_digests

# Pages that follow from the code: docs/settings.md, docs/rules.md.
docs: $(READY)
	@$(BIN)/python -m docs.generate

clean:
	rm -rf $(VENV) $(MMSEG) $(DEMO_HOME) build *.egg-info
