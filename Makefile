# Every command of NAS Workbench, from a clean clone: Python 3.11 or newer, pip and make are enough.
#   PYTHON=python3.12 make test               another interpreter
#   TORCH_OPTIONS='--index-url URL' make demo  another source of torch, such as the index of its CPU builds

PYTHON ?= python3
VENV ?= .venv
TORCH_OPTIONS ?=
LAB_OPTIONS ?=

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab test test-full check bench widgets clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.installed  ## run the NAS-Bench-201 study and print where its HTML report is
	$(BIN)/workbench run nasbench201

# Kernels start in the notebook's folder, which is source: what they write goes to runs/ all the same.
# JupyterLab refuses to start as root, which is who one is in most containers.
lab: $(VENV)/.installed  ## open the tour in JupyterLab
	WORKBENCH_RUNS="$(CURDIR)/runs" $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS) notebooks/00_tour.ipynb

# A file of tests stays together in one process: its browser, its JupyterLab and its tables are made once.
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test: check  ## lint, types and the test suite
	$(PYTEST)

test-full: check  ## the same with the slow tests
	$(PYTEST) -m ""

check: $(VENV)/.installed-dev
	scripts/install_chromium.sh
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev  ## measure the speed of the main jobs
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file; done

widgets:  ## rebuild the browser half of the widgets (needs Node)
	cd widgets && npm ci && npm run build

clean:  ## remove what the other commands made
	rm -rf $(VENV) build nas_workbench.egg-info widgets/node_modules .mypy_cache .pytest_cache .ruff_cache
	find workbench tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps below make a repeated call quick. torch comes first and by its exact version, so that pip takes the build
# that TORCH_OPTIONS or the machine's own wheels offer, and never looks for a newer one.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "NAS Workbench needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: constraints.txt | $(VENV)/pyvenv.cfg
	$(INSTALL) $(TORCH_OPTIONS) torch
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.torch
	$(INSTALL) --editable '.[analog,export,dev]'
	@touch $(VENV)/.installed $@
