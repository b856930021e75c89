# Set-up is part of every target: each one makes .venv by itself when it is missing or outdated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME ?= demo-home

# Two real deposits that installed packages carry.
package_file = $(shell $(BIN)/python -c "import importlib.util as u, pathlib; \
	print(pathlib.Path(u.find_spec('$(1)').origin).parent / '$(2)')")

.DEFAULT_GOAL := help
.PHONY: help venv demo test check clean

help:  ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e ".[flows,postgresql,s3,zarrs]" --group dev
	touch $@

venv: $(READY)  ## Install everything that the other targets and the benchmarks need

demo: $(READY)  ## Two real deposits become an annotated, scored, recorded atlas
	GENEMAMBA_HOME="$(DEMO_HOME)" $(BIN)/genemamba run \
		"$(call package_file,scanpy,datasets/10x_pbmc68k_reduced.h5ad)" \
		"$(call package_file,celltypist,data/samples/sample_cell_by_gene.csv)" \
		--atlas demo --label-key bulk_labels

test: $(READY)  ## Run every test, contracts included
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(READY)  ## Lint, format, types and layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean:  ## Remove the environment and the demo's home
	rm -rf $(VENV) $(DEMO_HOME)
