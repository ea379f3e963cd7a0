# Shortcuts only: every target is one or two commands that can be typed by hand. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

MODULE := target/release/libliq.so
FAULTS := --features redis-liq-module/fault-injection

.PHONY: help build test lint check-tests demo run install dist deb package-build bench bench-server bench-top instructions compat soak valgrind fuzz

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

build: ## build the module into target/release/libliq.so
	@scripts/prepare build
	cargo build --release

test: ## everything that is tested: format, unit, property, server, documentation and example tests
	@scripts/prepare build server
	cargo fmt --all --check
	@$(MAKE) --no-print-directory check-tests

lint: ## rustfmt and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(FAULTS) -- -D warnings

check-tests: ## only the tests, against a development build of the module
	scripts/run-tests

demo: ## one hour of generated liquidations through a private server, a market with stops, and what a trader asks of it
	@scripts/prepare build server
	cargo build --release --lib
	cargo build --package liq-demo --profile demo
	@echo
	@LIQ_MODULE=$(MODULE) target/demo/demo

run: build ## keep a server with the module in the foreground, configured by a copy of redis.conf; PORT=6380 and CONF=redis-256mb.conf choose others
	@scripts/prepare server
	@PORT="$(PORT)" CONF="$(CONF)" scripts/run

install: package-build ## install module, programs, configuration and pages under PREFIX (/usr/local)
	PREFIX="$(or $(PREFIX),/usr/local)" DESTDIR="$(DESTDIR)" scripts/package install

dist: package-build ## a tarball with checksums in target/dist
	scripts/package dist

deb: package-build ## a Debian package in target/dist
	scripts/package deb

package-build: build
	cargo build --release --locked --package liq-ingest --package liq-archive --package liq-top

bench: ## speed and size as ratios to SET, in one run; PARTS="speed limits keys markets worst rows memory accuracy" chooses of the server's, PARTS=desk is cache, queue and archive, beside others', PARTS=top what looking costs
	@scripts/prepare build server
	$(if $(filter-out desk top,$(or $(PARTS),all)),@$(MAKE) --no-print-directory bench-server)
	$(if $(filter desk all,$(or $(PARTS),all)),cargo bench -p redis-liq-desk -p liq-archive --bench desk --bench archive)
	$(if $(filter desk,$(PARTS)),scripts/rivals)
	$(if $(filter top all,$(or $(PARTS),all)),@$(MAKE) --no-print-directory bench-top)

bench-server:
	cargo build --release --lib
	@# A copy, as cargo compiles the module anew, and otherwise, for the benchmark's own profile.
	mkdir -p target/bench && cp $(MODULE) target/bench/
	LIQ_MODULE="$(CURDIR)/target/bench/libliq.so" cargo bench --bench server -- $(filter-out desk top,$(PARTS))
	$(if $(PARTS),,LIQ_MODULE="$(CURDIR)/target/bench/libliq.so" cargo bench -p redis-liq -p liq-ingest --bench batches --bench ingest)

bench-top:
	cargo build --release --lib
	mkdir -p target/bench && cp $(MODULE) target/bench/
	LIQ_MODULE="$(CURDIR)/target/bench/libliq.so" cargo bench -p liq-top

instructions: ## callgrind instructions per request beside a no-op command; fails 5 % above benches/instructions/baseline.tsv
	@scripts/prepare build server valgrind
	cargo build --release --lib --features bench-noop --target-dir target/instructions
	LIQ_MODULE=target/instructions/release/libliq.so cargo bench --profile dev --bench instructions

compat: ## the server tests on newer Redis and Valkey releases from Debian
	@scripts/prepare build server
	scripts/compat

soak: ## the randomised tests with many more cases, about half an hour
	@scripts/prepare build server
	PROPTEST_CASES=20000 LIQ_SOAK=1 NEXTEST_PROFILE=soak scripts/run-tests

valgrind: ## a part of the server tests with the server under valgrind; fails on any invalid read or write
	@scripts/prepare build server valgrind
	scripts/valgrind

fuzz: ## coverage-guided fuzzing of parsers and payloads, FUZZ_SECONDS each
	@scripts/prepare build fuzz
	scripts/fuzz
