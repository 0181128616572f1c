//! A network of nodes in one process, whose links and partitions a test controls.
//!
//! This folder owns the way of an RPC from the client that openraft calls to the `Raft` of the target and back:
//! delays, losses, duplicates, partitions, crashes, encoding and counts. It does not start or stop nodes: the folder
//! `cluster` does.
//!
//! The way of an RPC: `client` is openraft's network interface, and hands each call to a `route`. The route asks
//! `traffic` what becomes of the request, waits for the request's delay, and calls the target through `handler`. The
//! answer comes back the same way. Everything that the parts share is in the `MemNetwork`.
//!
//! The files, from the entrance down. Each imports only files below it.
//!
//! - `client`: `MemNetworkFactory` and `MemNetworkClient`, openraft's network traits.
//! - `route`: one RPC from one node to another, request and answer; counts what becomes of each.
//! - `traffic`: what `MemNetwork` decides about each message.
//! - `mem_network`: `MemNetwork`, with the settings and questions of a test.
//! - `wire`: messages that are encoded and decoded on their way.
//! - `process`: a node as its peers reach it, until it crashes.
//! - `handler`: calls a `Raft` of any state machine.
//! - `link`: `LinkFaults`, and the fate of one message.
//! - `partition`: `PartitionController`.
//! - `counts`: `RpcKind`, and `RpcCounts`, the figures that `route` fills.

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
