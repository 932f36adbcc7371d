# Everything sets itself up: nothing but python3 with venv and make is needed (root with apt for the kernel lab).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help venv test check lint unit lab demo bench clean

help:
	@echo "make demo    the main job on loopback, no root and no kernel module (about 20 s)"
	@echo "make test    lint, types, import contracts, all tests, the kernel lab where root and apt are there"
	@echo "make unit    the tests a person runs while working"
	@echo "make lab     the tests on a real IPVS kernel (user-mode linux; root with apt)"
	@echo "make bench   figures beside a bare asyncio loop, measured in one run"

venv: .venv/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

lint: venv
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: venv
	$(BIN)/pytest -q

test: lint unit

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
