//! All integration tests in one binary, since RocksDB links into it once.

mod cluster;
mod codec;
mod conformance;
mod counting_allocator;
mod durability;
mod evolution;
mod golden_files;
mod golden_log;
mod lifecycle;
mod linearizability;
mod log_store;
mod log_store_model;
mod mem_log_store;
mod mem_state_machine;
mod model;
mod operators;
mod raft_types;
mod rollout;
mod test_fakes;
mod violations;
mod wire_message;
