# `make` lists the verbs. Each one installs what it needs (deploy/setup/install), so a fresh Debian 12 will do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS  ?= $(shell nproc)
ONLY  ?=
N     ?= 100000
BENCH ?=

export QUINTET_RUN_DIR ?= $(CURDIR)/.quintet

CONFIGURE := cmake -G Ninja -S . -DCMAKE_C_COMPILER=gcc

.PHONY: help setup setup-test programs build run run-site restart test web pgbouncer soak results seed bench asan tsan fuzz \
        image-test cluster-test lint fmt install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  ONLY=common/core  narrows test, asan and tsan;  N=100000  sizes seed;  BENCH=--quick  bench;  README.md has the settings"

# To run takes half of what the tests take, in packages and in time to compile.
setup:
	@deploy/setup/install packages

setup-test:
	@deploy/setup/install packages packages-site packages-test

programs: setup ## compile build/bin/quintet-{gateway,auth,profile,media,run,load}
	@$(CONFIGURE) -B build >/dev/null
	@cmake --build build --parallel $(JOBS) --target programs

build: setup-test ## compile everything, the tests too
	@$(CONFIGURE) -B build >/dev/null
	@cmake --build build --parallel $(JOBS)

run: programs ## start PostgreSQL and the four services, until Ctrl-C
	@exec build/bin/quintet-run

run-site: programs ## the same and the example site, on http://127.0.0.1:3000
	@deploy/setup/install packages packages-site
	@exec services/web/run

restart: programs ## the running services for new ones, one by one, while they work; ONLY=auth narrows
	@build/bin/quintet-run --restart $(ONLY)

test: build ## every test, with servers of its own; ends in "N passed, N failed"
	@tests/run --build build $(ONLY)

web: build ## @quintet/next and the example site in Chromium; ends in "N passed, N failed"
	@deploy/setup/install packages-web
	@services/web/test

pgbouncer: build ## the tests with PostgreSQL once more, through a PgBouncer
	@tests/run --build build --pgbouncer $(or $(ONLY),pgbouncer/)

soak: build ## the tests' long counts (about an hour); rewrites tests/system/SOAK.md
	@tests/soak --build build

results: build ## what people notice when things go wrong; rewrites tests/system/RESULTS.md
	@tests/system/results --build build $(ONLY)

seed: programs ## fill the running stack's database: N=100000 users, sessions, profiles
	@build/bin/quintet-seed --users $(N)

bench: build ## what a session check costs, beside others (an hour); rewrites tests/bench/README.md
	@tests/bench/run --build build $(BENCH)

asan: setup-test ## the tests under AddressSanitizer and UBSan
	@$(CONFIGURE) -B build/asan -DQN_SANITIZE=address,undefined >/dev/null
	@cmake --build build/asan --parallel $(JOBS)
	@tests/run --build build/asan --without tests/asan.txt $(ONLY)

tsan: setup-test ## the loop, post, work and rpc tests under ThreadSanitizer
	@$(CONFIGURE) -B build/tsan -DQN_SANITIZE=thread >/dev/null
	@ninja -C build/tsan -t targets all | sed -nE 's/^(test_(unit_common_(loop|rpc)|integration_rpc)_[a-z0-9_]+|rpc_peer|nng_peer): phony$$/\1/p' | \
		xargs cmake --build build/tsan --parallel $(JOBS) --target $(if $(ONLY),all)
	@tests/run --build build/tsan $(or $(ONLY),unit/common/loop unit/common/rpc integration/rpc)

fuzz: setup-test ## each fuzz target for SECONDS=60, with libFuzzer
	@cmake -G Ninja -S . -B build/fuzzing -DCMAKE_C_COMPILER=clang -DQN_FUZZ=ON -DQN_SANITIZE=address,undefined,fuzzer-no-link >/dev/null
	@tests/fuzz/run build/fuzzing $(or $(SECONDS),60)

image-test: ## the container images: built, read-only, as nobody; SIGTERM (podman or docker)
	@deploy/container/test

cluster-test: ## the local overlay in a Kubernetes under load: KUBECONFIG's, or one of its own (root)
	@tests/harness/cluster/test

lint: setup-test ## layers, words, manifests, alerts, clang-format and clang-tidy
	@.ci/check-layers
	@.ci/check-words
	@.ci/check-manifests build
	@.ci/check-alerts
	@$(CONFIGURE) -B build >/dev/null && cmake --build build --target qn_proto >/dev/null
	@.ci/check-format
	@.ci/check-tidy build

fmt: setup-test ## format the C sources
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: programs ## programs and systemd units, below DESTDIR= and PREFIX=/usr/local
	@deploy/systemd/install build

clean: ## remove build/ (not .quintet/, which holds the embedded database)
	rm -rf build
