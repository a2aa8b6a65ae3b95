# Two commands are enough to start: `make run` (the main job on the built-in sample) and `make test` (every test).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-deps --requirement
# The project itself has no hash; what builds it is in the lock.
PROJECT := $(PIP) --no-deps --no-build-isolation
PYTEST_ARGS ?= --numprocesses auto
WHEEL_VENV ?= .make/wheel-venv
NEWEST_VENV ?= .make/newest-venv
BI_VENV ?= .make/bi-venv
BI_PORT ?= 8501
PORT ?= 3000
LAKE ?= lake/sample
QUICK := -m 'not slow' --hypothesis-profile quick --numprocesses 2

.DEFAULT_GOAL := help
.PHONY: help install dev run ui bi test quick newest check docs format bench bench-watch wheel-test screenshots production-like lock clean tools

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | column -t -s ':'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

.make/install: $(BIN)/python pyproject.toml requirements.lock
	$(BIN)/$(LOCKED) requirements.lock
	$(BIN)/$(PROJECT) --editable .
	@mkdir -p .make && touch $@

.make/dev: .make/install requirements-dev.lock
	$(BIN)/$(LOCKED) requirements-dev.lock
	@touch $@

install: .make/install  ## the package in .venv

dev: .make/dev  ## the package with all that tests and checks need

run: .make/install  ## the whole graph for the sample's last day, with a summary
	$(BIN)/acquisition run --source sample --lake lake/sample

ui: .make/install  ## the Dagster UI, with some days of the sample in it; PORT=3001 chooses another port
	$(BIN)/acquisition ui --lake lake/sample --port $(PORT) $(ARGS)

.make/bi: deploy/bi/requirements.lock
	$(PYTHON) -m venv $(BI_VENV)
	$(BI_VENV)/bin/$(LOCKED) deploy/bi/requirements.lock
	@mkdir -p .make && touch $@

bi: .make/bi  ## the dashboard of deploy/bi; LAKE=DIR and BI_PORT=8600 choose the lake and the port
	@VENV=$(BI_VENV) LAKE=$(LAKE) PORT=$(BI_PORT) sh scripts/bi.sh

tools:  ## PostgreSQL, Chromium and Java for the tests, where they are missing
	@sh scripts/postgres.sh
	@sh scripts/chromium.sh
	@sh scripts/java.sh

test: .make/dev tools  ## every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

quick: .make/dev  ## the tests without servers and programs, in under two minutes
	$(BIN)/python -m pytest $(QUICK)

newest:  ## the quick tests on the newest dependencies, in a venv of their own
	$(PYTHON) -m venv $(NEWEST_VENV)
	$(NEWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(NEWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
		--editable '.[s3]' --group dev
	$(NEWEST_VENV)/bin/python -m pytest $(QUICK)

check: .make/dev  ## lint, format, types, SQL, docs in step with the contracts, spelling and language
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 sql
	$(BIN)/python -m scripts.docs --check
	$(BIN)/codespell
	$(BIN)/python -m scripts.language

docs: .make/dev  ## write docs/tables.md from the contracts and docs/configuration.md from the settings
	$(BIN)/python -m scripts.docs

format: .make/dev  ## format Python and SQL
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/sqlfluff fix --quiet sql

bench: .make/dev tools  ## speed and memory, into docs/performance.md
	$(BIN)/python -m bench $(BENCH_ARGS)

bench-watch: .make/dev  ## what the watch finds and what it raises falsely, on simulated series
	$(BIN)/python -m bench.watch $(BENCH_ARGS)

screenshots: .make/dev tools  ## docs/images, from the UI on the sample
	$(BIN)/python -m scripts.screenshot

wheel-test: .make/install  ## build a wheel and run the sample from it, outside the checkout
	rm -rf dist $(WHEEL_VENV)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	$(PYTHON) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/$(LOCKED) requirements.lock
	$(WHEEL_VENV)/bin/$(PROJECT) dist/*.whl
	wheel="$$(cd $(WHEEL_VENV) && pwd)"; folder="$$(mktemp -d)"; cd "$$folder" && "$$wheel/bin/acquisition" run --source sample --lake lake

production-like: .make/install  ## webserver, daemon and code server on a real PostgreSQL; PORT=3001
	@sh scripts/postgres.sh
	@sh scripts/production_like.sh --port $(PORT) $(ARGS)

UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --group build

BI_UV := $(subst --group build,,$(UV))

lock: $(BIN)/python  ## requirements.lock (the package), requirements-dev.lock (with tests and checks), and that of deploy/bi
	$(BIN)/$(PIP) uv
	$(UV) --all-extras --group dev --output-file requirements-dev.lock pyproject.toml
	$(UV) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	$(BI_UV) --output-file deploy/bi/requirements.lock deploy/bi/requirements.in

clean:  ## remove what make made
	rm -rf $(VENV) .make dist build lake .dagster_home *.egg-info
