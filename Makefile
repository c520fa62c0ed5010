# Each target does its own set-up on a fresh Debian 12 with a Rust toolchain.
CARGO ?= cargo
# How long `make fuzz` gives each target.
FUZZ_SECONDS ?= 30

.PHONY: help build demo test bench fuzz lint fmt reference clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# The binary says of what commit it is; without Git, of none.
build: export WEIR_COMMIT ?= $(shell git describe --always --dirty --abbrev=12 --match= 2>/dev/null || echo unknown)
build: ## the release binary, target/release/weir
	scripts/setup build
	$(CARGO) build --release --locked --package weir

demo: build ## the whole thing on this machine, in network namespaces (root)
	scripts/setup demo
	target/release/weir demo $(ARGS)

test: ## everything: format, lints, unit, property, XDP, end to end (root)
	scripts/setup build test
	scripts/test

bench: ## throughput, cost of the XDP program, decoders (root)
	scripts/setup build bench
	scripts/bench

fuzz: ## every fuzz target for FUZZ_SECONDS from its corpus
	scripts/setup build fuzz
	scripts/fuzz $(FUZZ_SECONDS)

lint: ## rustfmt and clippy, warnings denied
	scripts/setup build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: ## rewrite the sources in the house's format
	$(CARGO) fmt --all
	cd ebpf && $(CARGO) fmt

reference: ## rules/REFERENCE.md and rules/pack.schema.json from the sources
	$(CARGO) run --quiet --locked --package weir-policy --example reference > rules/REFERENCE.md.new
	mv rules/REFERENCE.md.new rules/REFERENCE.md
	$(CARGO) run --quiet --locked --package weir-policy --example schema > rules/pack.schema.json.new
	mv rules/pack.schema.json.new rules/pack.schema.json

clean:
	$(CARGO) clean
