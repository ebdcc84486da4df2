# The only entry. Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCK   := $(shell sha256sum requirements.lock pyproject.toml | sha256sum | cut -c1-16)
STAMP  := $(VENV)/.lock-$(LOCK)
NEO4J  := .neo4j
CODE   := hub schema ledger tests loadtests

.DEFAULT_GOAL := help
.PHONY: help demo serve test faults fuzz interop check static lint lock bench bench-million bench-peers load hammer neo4j neo4j-stop clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /\1\t/' | expand -t 12

$(STAMP): requirements.lock pyproject.toml
	@echo "setting up $(VENV) from requirements.lock (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.lock-* && touch $@

demo: $(STAMP)  ## the main job, end to end: five counties, one hub, offline verification, a hub that lies
	@$(BIN)/tongban demo

serve: $(STAMP)  ## the demo's alliance, running until Ctrl-C
	@$(BIN)/tongban demo --serve

test: $(STAMP) neo4j  ## every test, on both graph engines (`make test ARGS="-k receipt"`)
	@$(BIN)/python -m tests.suite $(ARGS)

faults: $(STAMP) neo4j  ## crashes, full disks, wrong clocks, flipped bytes: a table of what was lost (`make faults ARGS=--short`)
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(STAMP)  ## 100,000 mutations of every format (`make fuzz ARGS="--target receipt --count 1000 --seed 2"`)
	@$(BIN)/python -m tests.fuzz.run $(ARGS)

interop: $(STAMP)  ## Go's checksum-database packages and Tessera's fsck read a live log, a verifier in Go judges receipts as ours, Apollo composes a supergraph, graphql-http audits a hub, schemathesis fuzzes it
	@$(BIN)/python -m pytest -q -m interop tests/interop

lint: $(STAMP)  ## format, lint and layers: the quick part of check
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

static: lint  ## lint, strict types, and the schema against the documents that use it: check without its tests
	@$(BIN)/mypy
	@$(BIN)/basedpyright --level error
	@$(BIN)/tongban schema trust --check loadtests/operations/*.graphql tests/documents/*.graphql > /dev/null

check: static  ## lint, strict types, docs, and the schema against the documents that use it
	@$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_mapping.py tests/test_documents.py tests/schema/test_sdl.py

lock: $(STAMP)  ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --all-extras \
	  --no-header --quiet -o requirements.lock

bench: $(STAMP)  ## print every figure as a ratio measured in one run
	@$(BIN)/python -m loadtests.bench.run

bench-million: $(STAMP)  ## what grows with a million licenses: projection, look-up, checklist, statistics (half an hour)
	@$(BIN)/python -m loadtests.bench.run --licenses 1000000 --only projection --only lookup-growth --only checklist-growth --only statistics

bench-peers: $(STAMP)  ## the gateway beside Apollo, yoga, bare Node, @neo4j/graphql (`make bench-peers ARGS="--database embedded"`)
	@$(BIN)/python -m loadtests.bench.peers $(ARGS)

load: $(STAMP)  ## Locust against a sample alliance: ramp, spike, soak, overload; gates (`make load ARGS="--shape soak --seconds 1800"`)
	@$(BIN)/python -m loadtests.load $(ARGS)

hammer: $(STAMP)  ## ten minutes at 500 seals a second: nothing lost, nothing twice (`make hammer ARGS="--seconds 60"`)
	@$(BIN)/python -m loadtests.hammer $(ARGS)

neo4j: $(STAMP)  ## fetch Neo4j by Maven and start it on loopback for the tests (says so where Java or Maven is missing)
	@$(BIN)/python -m tests.neo4j_server start $(NEO4J)

neo4j-stop: $(STAMP)  ## stop that Neo4j
	@$(BIN)/python -m tests.neo4j_server stop $(NEO4J)

clean: neo4j-stop  ## remove everything that the targets made
	@rm -rf $(VENV) $(NEO4J) .strace .softhsm demo-out bench-out load-out .bench .serve .mypy_cache .ruff_cache .pytest_cache .hypothesis
