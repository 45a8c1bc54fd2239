# Each target makes what it needs; nothing but python3, python3-venv, make and git must be there.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
MUTANTS := .venv-mutants
JOBS ?= 2

.PHONY: demo test test-all lint bench bench-compare conformance-ews nightly fuzz mutants lock clean

demo: $(READY)  ## play a working day from end to end; STAY=1 keeps it running
	@$(RUN) -m demo $(if $(STAY),--stay)

test: $(READY)  ## the quick tier: what one process or the mock can show (about 6 minutes); ARGS go to pytest
	@$(RUN) -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-all: $(READY)  ## all tests; what needs an absent system part skips and says why
	@$(RUN) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: $(READY)  ## style, types and the direction of imports
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m bandit -q -c pyproject.toml -r receiver connectors

bench: $(READY)  ## figures, one a line, and as JSON under build/bench (about 11 minutes; intake needs Debian's wrk and webhook, PostgreSQL is measured where installed)
	@mkdir -p build/bench
	@$(RUN) -m benchmarks.ews_storm --json build/bench/ews_storm.json
	@$(RUN) -m benchmarks.intake --json build/bench/intake.json
	@$(RUN) -m benchmarks.pages --json build/bench/pages.json
	@$(RUN) -m benchmarks.growth --rounds 20 --json build/bench/growth.json
	@$(RUN) -m benchmarks.end_to_end --json build/bench/end_to_end.json
	@$(RUN) -m benchmarks.memory --mailboxes 500 --webhooks 8000 --json build/bench/memory.json
	@$(RUN) -m benchmarks.fairness --webhooks 2000 --changes 20 --every-s 0.5 --json build/bench/fairness.json

bench-compare: $(READY)  ## did a figure get worse? this checkout and OLD=PATH in turns; ARGS="--quick" takes about 10 minutes
	@$(RUN) -m benchmarks.compare $(if $(OLD),"$(OLD)") $(ARGS)

conformance-ews: $(READY)  ## the connector against a server of yours; tests/connectors/any_server.py names the variables
	@$(RUN) -m pytest tests/connectors/any_server.py $(ARGS)

nightly: $(READY)  ## 2,000 random lives against the independent model; query plans with a million events; 100,000 snapshots of health; every breakage of the drill
	@RDV_HYPOTHESIS_PROFILE=nightly $(RUN) -m pytest tests/convergence $(ARGS)
	@RDV_EVENTS=1000000 $(RUN) -m pytest tests/store/test_a_million_events.py $(ARGS)
	@RDV_SNAPSHOTS=100000 $(RUN) -m pytest tests/colours $(ARGS)
	@$(RUN) -m tests.drill

fuzz: $(READY)  ## a million mutated bodies through decoding and rendering
	@$(RUN) -m tests.fuzz --bodies 1000000 $(ARGS)

mutants: $(MUTANTS)/.ready  ## which changes to the core would no test notice
	@$(MUTANTS)/bin/python -m tests.mutation $(ARGS)

# mutmut in an environment of its own: nothing else needs what it brings.
$(MUTANTS)/.ready: requirements-dev.lock
	@$(PYTHON) -m venv --clear $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	@touch $@

lock: $(READY)  ## renew the lock files to the newest releases that pyproject.toml allows (needs pip-tools)
	pip-compile $(LOCK) --extra postgresql --output-file requirements.lock pyproject.toml
	pip-compile $(LOCK) --extra postgresql --extra dev -c requirements.lock --output-file requirements-dev.lock pyproject.toml
	sed -n '/^setuptools==/,/^ *#/p' requirements-dev.lock > requirements-build.lock
	pip-compile $(LOCK) --extra postgresql --extra kerberos -c requirements.lock --output-file requirements-kerberos.lock pyproject.toml

LOCK := --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links

clean:  ## forget the environment and every cache
	rm -rf $(VENV) $(MUTANTS) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build

# The marker is written last: an interrupted installation starts anew.
$(READY): requirements-dev.lock pyproject.toml
	@echo "Preparing $(VENV) (about a minute, once)..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
