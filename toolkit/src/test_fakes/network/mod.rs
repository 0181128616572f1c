//! A network of nodes in one process, whose links and partitions a test controls.
//!
//! This folder owns the path of an RPC from the client that openraft calls to the `Raft` of the target and back:
//! delays, losses, duplicates, partitions, crashes, encoding and counts. It does not start or stop nodes: the folder
//! `cluster` does.
//!
//! The path of an RPC: `client` implements openraft's network interface, and passes each call to a `route`. The route
//! asks `traffic` what becomes of the request, waits for the request's delay, and calls the target through `handler`.
//! The answer comes back along the same path. The state that the parts share is in the `MemNetwork`.
//!
//! The files, from the public entry point down. Each imports only files below it.
//!
//! - `client`: `MemNetworkFactory` and `MemNetworkClient`, openraft's network traits.
//! - `route`: one RPC from one node to another: delivers the request and the answer, and counts what becomes of them.
//! - `traffic`: decides what becomes of each message.
//! - `mem_network`: `MemNetwork`: the settings that a test makes, and the counts and failures that it reads.
//! - `wire`: encodes and decodes a message, and compares the result with the original.
//! - `process`: one run of a node, from its start until it crashes.
//! - `handler`: calls a `Raft`, whatever its state machine type.
//! - `link`: `LinkFaults`, and the fate of one message.
//! - `partition`: `PartitionController`.
//! - `counts`: `RpcKind` and `RpcCounts`.

mod client;
mod counts;
mod handler;
mod link;
mod mem_network;
mod partition;
mod process;
mod route;
mod traffic;
mod wire;

pub use client::{MemNetworkClient, MemNetworkFactory};
pub use counts::{RpcCounts, RpcKind};
pub use link::LinkFaults;
pub use mem_network::MemNetwork;
pub use partition::PartitionController;
pub use wire::CodecFailure;
