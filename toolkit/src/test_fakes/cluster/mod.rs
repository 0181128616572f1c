//! A cluster of nodes in one process, which a test starts, stops, crashes and waits for.
//!
//! This folder owns the nodes of a cluster: the stores that each node is opened with, which nodes run, and how a test
//! waits for them. It does not own the network between the nodes, which is any `ClusterNetwork`, such as the one in the
//! folder `network`. Waits and reports both read the state of a node from openraft's metrics.
//!
//! The files, from the public entry point down. Each imports only files below it.
//!
//! - `builder`: the settings of a cluster, and its start.
//! - `members`: adds learners and changes the voters.
//! - `lives`: how nodes start, stop, crash and start again.
//! - `wait`: waits for a condition, until the deadline.
//! - `nodes`: `Cluster` itself: which nodes run, and their metrics.
//! - `stores`: opens the stores and the `Raft` of a node.
//! - `network`: `ClusterNetwork`, the interface of a network.
//! - `error`: `ClusterError`.
//! - `report`: the metrics of the nodes, as a table.

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
