# `make help` lists what there is. Everything below sets itself up: a virtual environment in .venv, from the lock file.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
COMPOSE_PROJECT_NAME ?= stackwire
COMPOSE_PROFILES ?= trace
export COMPOSE_PROJECT_NAME COMPOSE_PROFILES
TESTS ?= tests
WORKERS ?= 2
SEEDS ?= 1
SOAK_SECONDS ?= 600
RUNS ?= 20

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A lock file newer than the environment makes the environment new; nothing else does.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 2; }
	@echo "Setting up $(VENV) ..." >&2 # standard output is the target's own: `make openapi > file`
	@$(PYTHON) -m venv --upgrade-deps $(VENV) >/dev/null
	@$(BIN)/pip install --quiet --disable-pip-version-check uv >/dev/null 2>&1 || true
	@if [ -x $(BIN)/uv ] && $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock 2>/dev/null; then :; \
	  else $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib services shared >/dev/null 2>&1 || true # or each start would, where PYTHONDONTWRITEBYTECODE is set
	@touch $@

.PHONY: setup
setup: $(READY) ## make the virtual environment

.PHONY: demo
demo: $(READY) ## the journey of a disk image's properties, message by message
	@$(BIN)/stackwire demo $(IMAGE)

.PHONY: cloud
cloud: $(READY) ## an embedded cloud until Ctrl-C (no Docker)
	@$(BIN)/stackwire up

.PHONY: chart-tools
chart-tools: $(READY) ## helm and the schemas of Kubernetes, for the tests of the chart; make test brings them too
	@$(BIN)/python tests/support/chart_tools.py $(VENV)/chart-tools

.PHONY: test
test: $(READY) chart-tools ## every test that can run here; REQUIRE=all makes a missing server a failure
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: test-quick
test-quick: $(READY) ## unit and contract tests that need no server: under a minute
	@$(BIN)/python -m pytest tests/unit tests/contract --no-servers -n $(WORKERS) $(PYTEST_ARGS)

.PHONY: test-fields
test-fields: $(READY) ## what every accepted field of every body changes (make test takes a sample)
	@ACCEPTED_FIELDS=all $(BIN)/python -m pytest tests/flows/test_accepted_fields.py $(PYTEST_ARGS)

.PHONY: test-answers
test-answers: $(READY) ## every recorded answer of a real cloud, asked of ours (make test takes one in five)
	@RECORDED_ANSWERS=all $(BIN)/python -m pytest tests/flows/test_recorded_answers.py -n $(WORKERS) --timeout 900 $(PYTEST_ARGS)

.PHONY: test-paired
test-paired: $(READY) ## every flow with two processes of each service (make test: the recorded journeys)
	@TEST_PROCESSES=2 $(BIN)/python -m pytest tests/flows -n $(WORKERS) --dist loadfile --timeout 180 $(PYTEST_ARGS)

.PHONY: test-kill
test-kill: $(READY) ## services killed at every moment of every story (make test takes some)
	@KILL_MOMENTS=all $(BIN)/python -m pytest tests/stack/test_kill.py $(PYTEST_ARGS)

.PHONY: test-faults
test-faults: $(READY) ## every kind of fault on both buses (on RabbitMQ make test takes some)
	@FAULT_KINDS=all $(BIN)/python -m pytest tests/flows/test_faults.py tests/stack/test_fault_stories.py $(PYTEST_ARGS)

.PHONY: matrix
matrix: $(READY) ## nine flows x thirteen faults (make test takes some); SEEDS=20: twenty moments of each; MATRIX_PROCESSES=2: of each service
	@MATRIX_SEEDS=$(SEEDS) $(BIN)/python -m pytest tests/stack/test_matrix.py -n $(WORKERS) $(PYTEST_ARGS)

.PHONY: soak
soak: $(READY) ## ten minutes of clients at work while services, RabbitMQ and PostgreSQL die (make test: 20 s)
	@SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest tests/stack/test_histories.py -s $(PYTEST_ARGS)

.PHONY: test-confirmed
test-confirmed: $(READY) ## RabbitMQ and PostgreSQL killed under 2,000 messages, RUNS=20 times: none lost (make test: once)
	@CONFIRMED_RUNS=$(RUNS) $(BIN)/python -m pytest tests/stack/test_confirmed_messages.py -s $(PYTEST_ARGS)

.PHONY: test-cluster
test-cluster: $(READY) ## three RabbitMQ nodes: leaders killed, frozen and parted from the others under load; RUNS=20
	@TEST_CLUSTER=$(RUNS) REQUIRE=all $(BIN)/python -m pytest tests/stack/test_rabbit_cluster.py -s $(PYTEST_ARGS)

.PHONY: test-rolling
test-rolling: $(READY) ## both processes of each service restarted under load, three times (make test: one of each, once)
	@ROLLING_ROUNDS=3 $(BIN)/python -m pytest tests/stack/test_rolling_restart.py -s $(PYTEST_ARGS)

.PHONY: test-ansible
test-ansible: $(READY) ## a whole Ansible playbook of volumes (make test plays the beginning; a task takes seconds)
	@ANSIBLE_PLAYBOOK=all REQUIRE=all $(BIN)/python -m pytest tests/flows/test_volume_ansible.py $(PYTEST_ARGS)

.PHONY: test-tools
test-tools: $(READY) ## libcloud, cloudbridge, novaclient, keystoneclient and pkgcloud at work; installs what is not in the lock file
	@TOOLS=all REQUIRE=all $(BIN)/python -m pytest tests/flows/test_tools.py $(PYTEST_ARGS)

.PHONY: check
check: $(READY) ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: fix
fix: $(READY) ## what ruff can repair by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: up
up: ## the compose stack; COMPOSE_PROFILES=trace,scaled: two APIs and three workers of each service
	@deploy/make-secrets
	$(COMPOSE) -f deploy/compose.yaml up -d --build
	@deploy/wait-healthy

.PHONY: down
down: ## stop the compose stack; VOLUMES=1 removes its data too
	COMPOSE_PROFILES=trace,otel,faults,chaos,scaled,index,registry $(COMPOSE) -f deploy/compose.yaml down $(if $(VOLUMES),--volumes)

.PHONY: test-compose
test-compose: $(READY) ## the compose stack, and the test harness on containers, for real (needs a docker daemon)
	@TEST_COMPOSE=1 REQUIRE=all $(BIN)/python -m pytest tests/stack/test_compose_run.py tests/stack/test_compose_profiles.py tests/stack/test_compose_scaled.py tests/stack/test_harness_containers.py $(PYTEST_ARGS)

.PHONY: states
states: $(READY) ## the state machines as Mermaid diagrams
	@$(BIN)/python -m stackwire.cloud.state_diagrams

.PHONY: openapi
openapi: $(READY) ## the image API as an OpenAPI 3.1 document
	@$(BIN)/python -m stackwire.image.openapi

.PHONY: openapi-admin
openapi-admin: $(READY) ## the admin port as an OpenAPI 3.1 document
	@$(BIN)/python -m stackwire.cloud.admin

.PHONY: asyncapi
asyncapi: $(READY) ## every message as an AsyncAPI document
	@$(BIN)/python -m stackwire.contracts.asyncapi

.PHONY: test-index
test-index: $(READY) ## 1,000 random operations with the broker killed twice: the index agrees (make test does 150)
	@INDEX_OPERATIONS=1000 $(BIN)/python -m pytest tests/stack/test_index.py -k random $(PYTEST_ARGS)

.PHONY: fuzz-image
fuzz-image: $(READY) ## made-up calls to a live image service, other ones each time; EXAMPLES=5000
	@EXAMPLES=$(or $(EXAMPLES),5000) $(BIN)/python -m pytest -s tests/flows/test_image_fuzz.py $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: $(READY) ## made-up calls to compute, volume and identity, other ones each time; EXAMPLES=20000
	@EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m pytest -s tests/flows/test_made_up_calls.py $(PYTEST_ARGS)

.PHONY: bench
bench: $(READY) ## everything as ratios, beside limits and (BENCH_REAL=clouds.yaml:cloud) a real OpenStack; BENCH_ARGS=--quick
	@$(BIN)/python tests/bench/bench_all.py $(BENCH_ARGS)

.PHONY: bench-compare
bench-compare: $(READY) ## processor time of requests at two commits: A=origin/main B=HEAD
	@$(BIN)/python tests/bench/bench_compare.py $(or $(A),origin/main) $(or $(B),HEAD) $(BENCH_ARGS)

.PHONY: bench-growth
bench-growth: $(READY) ## reads, lists, filters, boots and a start at 1,000 to 100,000 of everything; BENCH_ARGS="--most 1000000"
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench_growth.py $(BENCH_ARGS)

.PHONY: bench-start
bench-start: $(READY) ## time until ready, cold and warm, and memory
	@$(BIN)/python tests/bench/bench_start.py

.PHONY: bench-bus
bench-bus: $(READY) ## RPC and notifications, as ratios to the raw transport
	@$(BIN)/python tests/bench/bench_bus.py

.PHONY: bench-image
bench-image: $(READY) ## the image service beside a real Glance's figures; BENCH_ARGS=--quick for a short run
	@$(BIN)/python tests/bench/bench_image.py $(BENCH_ARGS)

.PHONY: bench-uploads
bench-uploads: $(READY) ## uploads beside a bare server, and what takes how much of a processor; BENCH_ARGS="--mib 512"
	@$(BIN)/python tests/bench/bench_uploads.py $(BENCH_ARGS)

.PHONY: bench-compute
bench-compute: $(READY) ## servers: how long until they are up; BENCH_ARGS="--beside URL" for a real cloud in the same run
	@$(BIN)/python tests/bench/bench_flows.py compute $(BENCH_ARGS)

.PHONY: bench-volume
bench-volume: $(READY) ## volumes likewise, and a plain copy of the same bytes
	@$(BIN)/python tests/bench/bench_flows.py volume $(BENCH_ARGS)

.PHONY: bench-harness
bench-harness: $(READY) ## the test harness: until the first test runs, and each reset
	@$(BIN)/python tests/bench/bench_harness.py

.PHONY: bench-hosts
bench-hosts: $(READY) ## a thousand compute hosts: until they are up, at rest, servers on them; BENCH_ARGS="--hosts 200"
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench_hosts.py $(BENCH_ARGS)

.PHONY: bench-recovery
bench-recovery: $(READY) ## until every service is ready again after its, RabbitMQ's and PostgreSQL's death; RUNS=20
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench_recovery.py --runs $(RUNS)

.PHONY: bench-trace
bench-trace: $(READY) ## how long the tracer keeps the loop, the page's frames; what tracing costs, as ratios to the untraced and to the bare firehose
	@$(BIN)/python tests/bench/bench_trace_stalls.py
	@$(BIN)/python tests/bench/bench_trace_page.py
	@$(BIN)/python tests/bench/bench_trace.py

.PHONY: lock
lock: $(READY) ## resolve the dependencies anew into requirements*.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --all-extras pyproject.toml -o requirements.lock --upgrade
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements.lock pyproject.toml -o requirements-run.lock

.PHONY: clean
clean: ## remove the environment and what the tools left
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
