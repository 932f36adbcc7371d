# Everything sets itself up: nothing but python3 with venv and make is needed (apt for the kernel lab, root for the daemons).
PYTHON ?= python3
BIN := .venv/bin

# The daemons that tests start would each compile lvsmon anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv test lint unit whole lab lab-shell chaos lab-where-possible daemons daemons-where-possible
.PHONY: record verdicts-page verdicts fuzz demo bench clean

help:
	@echo "make demo    the main job on loopback, no root and no kernel module (a few seconds; make demo ARGS=--keep stays)"
	@echo "make test    lint, types, import contracts, all tests, the kernel lab where Debian's packages can be had"
	@echo "make unit    the tests a person runs while working"
	@echo "make lab     the tests on a real IPVS kernel, as a process of yours: make lab ARGS='-k nat'"
	@echo "make lab-shell   a shell in it: make lab-shell ARGS='masq nginx'"
	@echo "make chaos   random faults for five minutes in that kernel, and an oracle that watches: ARGS='--minutes 10 --seed 7'"
	@echo "make daemons the tests against real daemons, installed from Debian's packages (root with apt)"
	@echo "make record  write down the verdicts of tests/daemons anew, and docs/reference/verdicts.md of them"
	@echo "make verdicts    mon, ldirectord and keepalived on the same servers, for that page (root with apt; 20 minutes)"
	@echo "make fuzz    a long run of the codecs: make fuzz ARGS='--inputs 1000000 --codec http1'"
	@echo "make bench   figures beside a C program, keepalived, ldirectord and pyroute2, measured in one run: ARGS=--quick"

venv: .venv/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

lint: venv
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/mypy docs/how-to/write-a-probe/lvsmon_finger.py docs/how-to/write-a-channel/lvsmon_redis.py
	$(BIN)/lint-imports

# Two workers: whoever has nothing left takes from the other.
PYTEST := $(BIN)/pytest -q -n 2 --dist worksteal

# What a person runs while working; `make test` runs the slow ones too, and the real daemons, a file of tests at a time.
unit: venv
	$(PYTEST) -m "not slow and not daemons" --hypothesis-profile=quick $(ARGS)

whole: venv
	$(PYTEST) -m "not daemons"
	$(PYTEST) --dist loadfile -m daemons

# The kernel lab installs nothing: see docs/kernel-lab.md.
LAB := PYTHONPATH=tests $(BIN)/python -m kernel.lab

lab: venv
	@$(LAB) test $(ARGS)

lab-shell: venv
	@$(LAB) shell $(ARGS)

chaos: venv
	@$(LAB) chaos $(ARGS)

lab-where-possible: venv
	@$(LAB) test --or-say

# Real daemons for the tests in tests/daemons, which say so where one is missing.
daemons: venv
	@sh tests/daemons/install.sh
	@$(BIN)/pytest -q tests/daemons $(ARGS)

daemons-where-possible:
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then \
	    echo "LEFT OUT: the daemons of tests/daemons/packages.txt are not installed: that takes root with apt"; \
	elif ! sh tests/daemons/install.sh; then \
	    echo "LEFT OUT: apt could not install the daemons of tests/daemons/packages.txt"; \
	fi

# What the probes make of real daemons, and the memory that they hold of floods, written down instead of compared: all of
# it, or only the modules that are named: make record ARGS=tests/daemons/test_redis.py
RECORDS = $(patsubst tests/daemons/%.py,tests/verdicts/record/%.json,$(filter tests/daemons/test_%.py,$(ARGS)))
record: venv
	@sh tests/daemons/install.sh
	@rm -rf $(if $(ARGS),$(RECORDS),tests/verdicts/record)
	@LVSMON_RECORD=1 $(BIN)/pytest -q $(or $(ARGS),tests/daemons tests/probes/test_conformance.py)
	@$(MAKE) --no-print-directory verdicts-page

verdicts-page: venv
	@$(BIN)/python tests/verdicts/page.py

# The peers on the same servers: installed here, and keepalived in the kernel lab too, for it wants a real IPVS table.
verdicts: venv
	@sh tests/daemons/install.sh
	@sh tests/daemons/install.sh tests/verdicts
	@PYTHONPATH=tests $(BIN)/python -m verdicts.hostile
	@PYTHONPATH=tests $(BIN)/python -m verdicts.natural
	@$(MAKE) --no-print-directory verdicts-page

fuzz: venv
	@PYTHONPATH=tests $(BIN)/python -m fuzz.run $(ARGS)

# In this order, so that what was left out stands at the end.
test:
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory daemons-where-possible
	@$(MAKE) --no-print-directory whole
	@$(MAKE) --no-print-directory lab-where-possible

demo: venv
	@$(BIN)/lvsmon demo $(ARGS)

bench: venv
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
