# Each target makes the environment it needs. ARGS passes options on: make demo ARGS="--orders 5000"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
SEEDS ?= 1-1000

.PHONY: demo up test simulate mutation lint lock clean help

help:
	@echo "make demo   the whole system on this machine against simulated vendors: a peak with faults, and a report"
	@echo "make up     the same, kept running"
	@echo "make test   all tests; real Kafka comes from REVENI_STREAMS_TEST_KAFKA, a container, or its jars (Java 17, Maven)"
	@echo "make simulate  the whole pipeline in virtual time under faults: SEEDS=1-1000, or one seed to see it again"
	@echo "make mutation  small edits of the product at random, and which of them no test notices: ARGS=\"--seed 7 --count 50\""
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make lock   resolve the dependencies again"
	@echo "make clean  remove everything that these made, the environment included"

demo: $(STAMP)
	$(BIN)/reveni-streams demo $(ARGS)

up: $(STAMP)
	$(BIN)/reveni-streams up $(ARGS)

test: $(STAMP)
	$(BIN)/pytest $(ARGS)

simulate: $(STAMP)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

mutation: $(STAMP)
	$(BIN)/python -m tests.mutation $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -q -o requirements.lock

clean:
	rm -rf $(VENV) .demo .reveni-streams .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build

# Hashes hold for everything that is installed from outside; the project itself comes last, without dependencies.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $(STAMP)
