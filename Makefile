# Every target installs what it needs. RocksDB is compiled once, which takes a while.
.PHONY: demo test soak lint bench docs setup

# A three-node cluster that keeps every acknowledged write while its leader is killed.
demo: setup
	cargo run -p openraft-toolkit-examples --bin kv -- demo

# Linting with all features includes rocksdb's multi-threaded-cf, which changes the types of its
# handles; the tests run without it.
test: setup lint
	cargo test --workspace
	cargo test -p openraft-toolkit --no-default-features
	cargo test -p openraft-toolkit --all-features

# The long forms of the tests of durability, and of clusters under fire: faults for 40 minutes, and what came of
# them. A seed repeats a run: make soak SEED=1
SEED := $(shell date +%s)
soak: setup
	@echo "make soak SEED=$(SEED)"
	OPENRAFT_TOOLKIT_SOAK=1 OPENRAFT_TOOLKIT_SEED=$(SEED) \
		cargo test -p openraft-toolkit-tests --test integration -- durability:: lifecycle:: linearizability:: \
		--nocapture --test-threads 2

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc -q --workspace --no-deps --all-features

# Ratios to the disk and to the usual ways, in about 10 minutes, and a report of those of the log store, with
# charts, in target/bench. A shorter run, or a part: make bench ARGS=--short, make bench ARGS="'64 groups'"
bench: setup
	cargo bench -p openraft-toolkit --features test-fakes --bench codec --bench log_store -- $(ARGS)

docs: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
	@echo "open target/doc/openraft_toolkit/index.html"

setup:
	@scripts/setup
