//! A cluster of nodes in one process, which a test starts, stops, crashes and waits for.
//!
//! This folder owns the nodes of a cluster: what each is opened with, which of them run, and how a test waits for
//! them. It does not own the network between them: that is any `ClusterNetwork`, such as the one in the folder
//! `network`. What the nodes believe comes from openraft's metrics, in waits and in reports alike.
//!
//! The files, from the entrance down. Each imports only files below it.
//!
//! - `builder`: the settings of a cluster, and its start.
//! - `members`: learners and voters.
//! - `lives`: how nodes start, stop, crash and start again.
//! - `wait`: waits for a condition, until the deadline.
//! - `nodes`: `Cluster` itself: which nodes run, and what they believe.
//! - `stores`: opens the stores and the `Raft` of a node.
//! - `network`: what a cluster asks of a network.
//! - `error`: `ClusterError`.
//! - `report`: what the nodes believe, as a table.

mod builder;
mod error;
mod lives;
mod members;
mod network;
mod nodes;
mod report;
mod stores;
mod wait;

pub use builder::ClusterBuilder;
pub use error::ClusterError;
pub use network::ClusterNetwork;
pub use nodes::Cluster;
pub use stores::OpenStores;
