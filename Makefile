PYTHON ?= python3
RUN := .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help setup demo test docs format bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 12

setup: .venv/ready  ## the development environment, in .venv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: setup  ## the main job: train, evaluate, draw, write demo/report.html
	$(RUN) digitscope demo --out demo

test: setup  ## the gate: format, lint, types, layers, tests
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	.venv/bin/lint-imports
	$(RUN) pytest -n auto --dist loadfile --no-loadscope-reorder

docs: .venv/docs-ready  ## the site, in docs/_build/html: every chapter is run, every warning is an error
	$(RUN) sphinx --quiet --fail-on-warning --keep-going --fresh-env docs docs/_build/html

.venv/docs-ready: .venv/ready
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	@touch $@

format: setup  ## rewrite the source to the house's format
	$(RUN) ruff check --fix-only .
	$(RUN) ruff format .

bench: setup  ## the benchmarks that take longer than a test may
	$(RUN) digitscope bench
	$(RUN) benchmarks.accuracy

clean:  ## remove the environment and every cache
	rm -rf .venv docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
