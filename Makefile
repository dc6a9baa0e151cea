# Everything runs in .venv, from versions locked with hashes. Nothing else is installed.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
PYTHON_IN := $(BIN)/python
UV_COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate --quiet
# `kenko bench` by the name of the target, on Apache Kafka where Java and Maven are.
BENCH_ON_KAFKA = $(PYTHON_IN) scripts/external sh -c \
	'KENKO_KAFKA_URL=$$KENKO_TEST_KAFKA_URL KENKO_REDIS_URL=$$KENKO_TEST_REDIS_URL $(BIN)/kenko bench $(@:bench-%=%) $(ARGS)'
# More of pytest's options, say ARGS='-k tick -x'.
ARGS ?=

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

demo: venv ## Everything for real on a year of sample data (DEMO_SECONDS=90; EVENTS=FILE MODEL=FILE)
	@$(BIN)/kenko demo

up: venv ## Broker, Redis and all services on this machine, until Ctrl-C
	@$(BIN)/kenko up

test: venv ## All tests that need only the Python package index
	$(PYTHON_IN) -m pytest -n 3 --dist loadfile -m "not external and not faults and not soak and not mutants" $(ARGS)

test-external: venv ## Apache Kafka, the system's Redis, Node and Java clients (needs a JDK, Maven, npm, redis-server)
	$(PYTHON_IN) scripts/external $(PYTHON_IN) -m pytest -n 2 --dist loadfile -m "connected or external" $(ARGS)

test-deep: venv ## The pure tests with many more generated examples, and thousands of seeds of simulated faults
	HYPOTHESIS_PROFILE=deep $(PYTHON_IN) -m pytest -m "not connected and not external and not faults and not soak and not mutants" --timeout 3600 $(ARGS)

test-faults: venv ## F1 to F17 with real processes, and a table of them (Apache Kafka where Java and Maven are; 20 minutes)
	$(PYTHON_IN) -m pytest tests/faults -m faults $(ARGS)

test-soak: venv ## The same for an hour: memory, descriptors and lag under load, kills and an outage (SOAK_MINUTES=60)
	$(PYTHON_IN) -m pytest tests/faults -m soak --timeout 0 $(ARGS)

test-mutants: venv ## Known bugs put back one by one: the tests must notice each (a few minutes)
	$(PYTHON_IN) -m pytest tests/mutants -m mutants -v --timeout 600 $(ARGS)

fuzz: venv ## A million generated bodies at ingest's parser (ARGS='--count 100000 --seed 7')
	$(PYTHON_IN) scripts/fuzz $(ARGS)

bench-engine: venv ## Events and scorings a second, bytes a row (ARGS='--runs 5')
	$(PYTHON_IN) benchmarks/engine.py $(ARGS)

bench-ingest: venv ## Events a second through ingest beside a bare producer, on Apache Kafka (needs Java, Maven)
	$(PYTHON_IN) scripts/external sh -c \
		'KENKO_KAFKA_URL=$$KENKO_TEST_KAFKA_URL KENKO_REDIS_URL=$$KENKO_TEST_REDIS_URL $(BIN)/kenko bench ingest $(ARGS)'

bench-score: venv ## Events a second through the scorer beside a bare consumer and stock Faust, on Apache Kafka where it is
	$(PYTHON_IN) scripts/external sh -c '[ -z "$$KENKO_TEST_KAFKA_URL" ] || { \
		export KENKO_KAFKA_URL=$$KENKO_TEST_KAFKA_URL KENKO_REDIS_URL=$$KENKO_TEST_REDIS_URL; \
		set -- --broker "apache kafka"; }; $(BIN)/kenko bench score "$$@" $(ARGS)'

bench-latency: venv ## From an accepted event to its alert, beside a bare trip through Kafka (ARGS='--rate 2000')
	$(BENCH_ON_KAFKA)

bench-accounts: venv ## Bytes an account in Redis, due accounts scored a second, memory of a worker (ARGS='--accounts 100000')
	$(BENCH_ON_KAFKA)

bench-restart: venv ## From a kill to the first score, with a million accounts in Redis (ARGS='--accounts 100000')
	$(BENCH_ON_KAFKA)

lint: venv ## Style, types, import contracts, YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .

format: venv ## Mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: venv ## Generate the JSON Schemas of all contracts and the AsyncAPI document again
	$(PYTHON_IN) -m schemas.generate
	$(PYTHON_IN) -m kenko.model.file_schema

wheel: venv ## Build the wheel and test it installed, outside the checkout
	rm -rf dist
	$(PYTHON_IN) -m build --wheel --no-isolation
	$(PYTHON_IN) -m pytest tests/packaging/installed_wheel.py

lock: venv ## Lock what pyproject.toml asks for (ARGS=--upgrade: the newest it allows)
	$(UV_COMPILE) $(ARGS) pyproject.toml -o requirements/runtime.txt
	$(UV_COMPILE) $(ARGS) pyproject.toml --extra embedded --extra cel --extra report --extra calibrate --extra parquet --group dev -o requirements/dev.txt
	$(UV_COMPILE) $(ARGS) --group build -o requirements/build.txt

venv: ## The virtual environment (PYTHON=/path/to/python3 chooses the interpreter)
	@PYTHON='$(PYTHON)' scripts/venv

clean: ## Remove everything that these targets made
	rm -rf .venv .external .kenko build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find schemas kenko services tests -name __pycache__ -type d -exec rm -rf {} +

.PHONY: help demo up test test-external test-deep test-faults test-soak test-mutants fuzz bench-engine bench-ingest bench-score bench-latency bench-accounts bench-restart lint format schemas wheel lock venv clean
