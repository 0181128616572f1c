//! All integration tests, in one binary, because RocksDB takes long to link.
//!
//! The folders are named like the folders of the library. The code that the tests share is this crate's library,
//! `tests/src`.
//!
//! | folder | what its tests prove |
//! |---|---|
//! | `codec` | the bytes of frames and messages, and how they change from version to version |
//! | `raft_types` | what `declare_raft_types_ext!` declares |
//! | `log_store` | the log store on RocksDB, its bytes, and, in `durability`, what outlives which fault |
//! | `lifecycle` | starting, growing, watching and stopping real nodes |
//! | `test_fakes` | the fakes themselves, and that the stores of the library conform |
//! | `linearizability` | clusters under faults: what clients were told fits together |

mod codec;
mod lifecycle;
mod linearizability;
mod log_store;
mod raft_types;
mod test_fakes;
