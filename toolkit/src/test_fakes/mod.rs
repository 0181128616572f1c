//! What a test of a service on openraft needs in the place of machines and cables.
//!
//! Real `Raft` instances, of real stores and state machines, run side by side in one process. A
//! [`Cluster`] starts, stops, crashes and restarts them, waits for what a test expects, and says what
//! each node believed when that does not come. They reach each other through a [`MemNetwork`], whose
//! links are [slow and lossy](LinkFaults), whose [partitions](PartitionController) come and go,
//! and which [counts](RpcCounts) what it does.
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use openraft_toolkit::RaftTypes;
//! use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftStateMachine};
//! use openraft_toolkit::test_fakes::{Cluster, ClusterError, LinkFaults, MemNetwork};
//!
//! /// `open` opens the log store and the state machine of a node, the same ones whenever it starts.
//! async fn a_write_survives_its_leader<C, LS, SM>(
//!     open: fn(u64) -> io::Result<(LS, SM)>,
//!     command: C::D,
//! ) -> Result<(), ClusterError<C>>
//! where
//!     C: RaftTypes<NodeId = u64, Node: Default>,
//!     LS: RaftLogStorage<C>,
//!     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
//! {
//!     let network = MemNetwork::with_seed(7);
//!     network.set_faults(LinkFaults::new().jitter(Duration::from_millis(5)).drop(0.01));
//!     network.encode_messages(); // a type that does not survive it fails the test
//!     let cluster = Cluster::builder(move |id| async move { open(id) });
//!     let cluster = cluster.nodes([1, 2, 3]).network(network).start().await?;
//!
//!     let leader = cluster.wait_for_leader().await?;
//!     let written = cluster.raft(leader).client_write(command).await.expect("a write");
//!
//!     cluster.crash(leader).await?;
//!     cluster.wait_for_leader().await?; // of the other two
//!     cluster.restart(leader).await?;
//!     cluster.wait_for_applied(written.log_id.index).await?;
//!
//!     cluster.network().partitions().partition([1], [2, 3]);
//!     cluster.wait_for_leader_among([2, 3]).await?;
//!     cluster.shutdown().await
//! }
//! ```
//!
//! A wait that fails shows, in its error, a line for each node, and the faults and counts of the network:
//!
//! ```text
//! not within 5s: all running nodes have applied up to index 3
//!
//! node  process  role       term  vote        leader  last log  committed  applied  purged  snapshot  membership
//! 1     running  Leader     2     <T2-N1:Q>   1       2         T2-N1.2    T2-N1.2  -       -         {1, 2, 3}
//! 2     crashed  Follower   2     <T2-N1:Q>   1       2         T2-N1.2    T2-N1.2  -       -         {1, 2, 3}
//! 3     running  Candidate  11    <T11-N3:->  -       2         T2-N1.2    T2-N1.2  -       -         {1, 2, 3}
//! node 1 replicates to: 1 at T2-N1.2, 2 at T2-N1.2, 3 at T2-N1.2
//! isolated: 1
//! faults of all links: none (seed 0)
//! 1 -> 2 append_entries: 4 sent, 4 delivered, 4 answered, 100 unreachable
//! ```
//!
//! # Minutes in seconds
//!
//! With tokio's clock paused, `#[tokio::test(start_paused = true)]`, nothing waits: time jumps to
//! whatever comes next. That needs stores which work in the tasks of the runtime, as those in memory
//! do; [`RocksdbLogStore`](crate::log_store::RocksdbLogStore) has a thread of its own, for which
//! paused time does not wait. What is left is what openraft does at each heartbeat, which in a build
//! without optimization is about a millisecond a node: over long simulated times, let
//! [`heartbeat_interval`](openraft::Config::heartbeat_interval) be long as well.
//!
//! # Without a `Cluster`
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
//!
//! [`MemLogStore`] and [`MemStateMachine`] are the storage of a node under test, where that is not what is
//! tested: in memory, and failing, waiting or losing power when the test wants it. [`conformance`] checks a log
//! store or a key space of your own.

mod call_faults;
mod client;
mod cluster;
pub mod conformance;
mod counts;
pub mod golden;
mod handler;
mod link;
mod log_image;
mod mem_log_store;
mod mem_state_machine;
mod network;
mod partition;
mod wire;

pub use call_faults::CallFaults;
pub use client::{MemNetworkClient, MemNetworkFactory};
pub use cluster::{Cluster, ClusterBuilder, ClusterError, ClusterNetwork, OpenStores};
pub use counts::{RpcCounts, RpcKind};
pub use link::LinkFaults;
pub use mem_log_store::{LogStoreCall, MemLogStore};
pub use mem_state_machine::{Applied, MemSnapshotBuilder, MemStateMachine, StateMachineCall};
pub use network::MemNetwork;
pub use partition::PartitionController;
pub use wire::CodecFailure;
