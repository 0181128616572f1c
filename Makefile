# Every target installs what it needs. RocksDB is compiled once, which takes several minutes.
.PHONY: demo test test-all soak lint features medium bench docs setup

# Shows a three-node cluster that keeps every acknowledged write while its leader is killed.
demo: setup
	cargo run -p openraft-toolkit-examples --bin kv -- demo

# There are three tiers of tests. A test that is too long for `make test` has a short form there, a medium form in
# `make test-all` and a long form in `make soak`.

# Runs what CI runs: under 15 minutes once RocksDB is built.
#
# Clippy sees all features. One of them is RocksDB's multi-threaded-cf, which changes the types of its handles: the
# tests here run without it, and those of `make test-all` with it.
test: setup lint
	cargo test --workspace
	cargo test -p openraft-toolkit --no-default-features
	cargo test -p openraft-toolkit --all-features

# Runs what must pass when an issue is resolved: under 45 minutes.
test-all: test features medium

# The tests that find more faults the longer they run. A seed repeats a run: make soak SEED=1
LONG := durability:: lifecycle:: conformance:: linearizability::
SEED := $(shell date +%s)
LONG_TESTS = OPENRAFT_TOOLKIT_SEED=$(SEED) cargo test -p openraft-toolkit-tests --test integration -- $(LONG) \
	--nocapture --test-threads 2

# Makes faults for 25 minutes, and prints what they led to.
soak: setup
	@echo "make soak SEED=$(SEED)"
	OPENRAFT_TOOLKIT_SOAK=1 $(LONG_TESTS)

# The medium form of `make soak`.
medium: setup
	@echo "make medium SEED=$(SEED)"
	OPENRAFT_TOOLKIT_MEDIUM=1 $(LONG_TESTS)

# Checks every combination of the toolkit's features, and runs the integration tests with RocksDB's multi-threaded-cf.
features: setup
	scripts/features
	cargo test -p openraft-toolkit-tests --features multi-threaded-cf

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc -q --workspace --no-deps --all-features

# Measures the log store and the codec beside the disk and the usual alternatives, in about 10 minutes. The report of the
# log store, with charts, is in target/bench. A shorter run is ARGS=--short, and one part is ARGS="'64 groups'".
bench: setup
	cargo bench -p openraft-toolkit --features test-fakes --bench codec --bench log_store -- $(ARGS)

docs: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
	@echo "open target/doc/openraft_toolkit/index.html"

setup:
	@scripts/setup
