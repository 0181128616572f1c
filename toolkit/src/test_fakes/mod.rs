//! What a test of a service on openraft needs in the place of machines and cables.
//!
//! Real `Raft` instances, of real stores and state machines, run side by side in one process and
//! reach each other through a [`MemNetwork`]. Its [`PartitionController`] takes links away and
//! gives them back.
//!
//! A node starts like this, and restarts the same way: [`register`](MemNetwork::register) replaces
//! what was registered before.
//!
//! ```
//! use std::sync::Arc;
//!
//! use openraft_toolkit::RaftTypes;
//! use openraft_toolkit::lifecycle::{BootstrapMode, bootstrap};
//! use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftStateMachine};
//! use openraft_toolkit::openraft::{Config, Raft};
//! use openraft_toolkit::test_fakes::MemNetwork;
//!
//! async fn start<C, LS, SM>(
//!     network: &Arc<MemNetwork<C>>,
//!     id: C::NodeId,
//!     log_store: LS,
//!     state_machine: SM,
//!     mode: BootstrapMode<C>,
//! ) -> Raft<C, SM>
//! where
//!     C: RaftTypes,
//!     LS: RaftLogStorage<C>,
//!     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
//! {
//!     let config = Arc::new(Config::default().validate().unwrap());
//!     let factory = network.factory_for(id.clone());
//!     let raft = Raft::new(id.clone(), config, factory, log_store, state_machine).await.unwrap();
//!     bootstrap(&raft, mode).await.unwrap();
//!     network.register(id, raft.clone()); // only now do its peers reach it
//!     raft
//! }
//! ```
//!
//! [`golden`] is for the messages of a service: it freezes them in files, so that data of every
//! release stays readable.

mod client;
mod counts;
pub mod golden;
mod handler;
mod link;
mod network;
mod partition;
mod wire;

pub use client::{MemNetworkClient, MemNetworkFactory};
pub use counts::{RpcCounts, RpcKind};
pub use link::LinkFaults;
pub use network::MemNetwork;
pub use partition::PartitionController;
pub use wire::CodecFailure;
