.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Each has its own servers; a test waits for its database half of the time.
TEST_PROCESSES ?= 2
STAMP := .venv/.installed
# A newer pip resolves faster than the one that comes with Python; compiling with both cores beats its own compiling.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup demo test lint bench e2e soak clean

help: ## list the commands
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else 1)' 2>/dev/null || \
		{ echo "Apropos needs Python 3.11 or newer, and '$(PYTHON)' is not. Install one and run: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.11" >&2; exit 2; }
	@echo "Installing the pinned packages into .venv (about a minute) …"
	@started=$$(date +%s) && $(PYTHON) -m venv .venv && \
		$(PIP) --upgrade pip==26.3 && \
		$(PIP) --no-compile -r requirements-dev.txt && \
		{ $(BIN)/python -m compileall -q -j 0 -x '/(tests?|testing|mypy|faker|hypothesis|playwright)/' .venv/lib >/dev/null || true; } && \
		echo $$(( $$(date +%s) - started )) > .venv/install-seconds
	@touch $@

setup: $(STAMP) ## build .venv from the pinned requirements

demo: $(STAMP) ## the whole loop on a real shop's history, on http://127.0.0.1:8000
	@$(BIN)/python -m demo

test: $(STAMP) ## all tests, against embedded PostgreSQL and Valkey
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

lint: $(STAMP) ## style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy .

e2e: $(STAMP) ## only the browser tests (needs Debian's chromium)
	@$(BIN)/python -m pytest -m e2e

bench: $(STAMP) ## measurements against floors and peers
	@$(BIN)/python -m benchmarks

soak: $(STAMP) ## slow proofs at full length
	@$(BIN)/python -m pytest -m soak

clean: ## remove the environment, the demo's data and all caches
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
