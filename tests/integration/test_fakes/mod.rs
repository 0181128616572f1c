//! The fakes that the toolkit offers to tests.
//!
//! | module | what it proves |
//! |---|---|
//! | `network` | the network in memory delivers, loses, delays and repeats messages as told |
//! | `cluster` | clusters that are started, crashed, grown and waited for |
//! | `mem_log_store`, `mem_state_machine` | storage in memory fails, waits and loses as told |
//! | `conformance` | the library's stores conform, and stores with a flaw are found |
//! | `golden` | golden files freeze the bytes of messages |
//! | `linearizability` | the checker of histories gives the right verdicts |

mod cluster;
mod conformance;
mod golden;
mod linearizability;
mod mem_log_store;
mod mem_state_machine;
mod network;
mod stores;
