//! Fakes of machines, disks and networks, for tests of a service on openraft.
//!
//! Real `Raft` instances, with real stores and state machines, run side by side in one process.
//!
//! | to test | use |
//! |---|---|
//! | a cluster of nodes | [`Cluster`] starts, stops, crashes and restarts nodes, and waits until a condition holds. |
//! | the network between nodes | [`MemNetwork`] has [slow and lossy links](LinkFaults) and [partitions](PartitionController), and [counts](RpcCounts) messages. |
//! | a node, without a disk | [`MemLogStore`] and [`MemStateMachine`] keep their data in memory, and fail, wait or lose power on request. |
//! | your own log store or key space | [`conformance`] checks it against the rules that openraft relies on. |
//! | your own messages | [`golden`] compares their encoding with files, so that every release can read the data of earlier releases. |
//! | the answers that clients get | `linearizability` (behind the feature of that name) checks that the answers could come from a single copy of the data. |
//!
//! # A cluster in one process
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use openraft_toolkit::{RaftTypes, propose};
//! use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftStateMachine};
//! use openraft_toolkit::test_fakes::{Cluster, ClusterError, LinkFaults, MemNetwork};
//!
//! /// `open` opens the log store and the state machine of a node: the same ones each time that the node starts.
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
//!     network.encode_messages(); // a message that does not survive encoding fails the test
//!     let cluster = Cluster::builder(move |id| async move { open(id) });
//!     let cluster = cluster.nodes([1, 2, 3]).network(network).start().await?;
//!
//!     let leader = cluster.wait_for_leader().await?;
//!     let written = propose(&cluster.raft(leader), command).await.expect("a write");
//!
//!     cluster.crash(leader).await?;
//!     cluster.wait_for_leader().await?; // one of the other two
//!     cluster.restart(leader).await?;
//!     cluster.wait_for_applied(written.log_id.index).await?;
//!
//!     cluster.network().partitions().partition([1], [2, 3]);
//!     cluster.wait_for_leader_among([2, 3]).await?;
//!     cluster.shutdown().await
//! }
//! ```
//!
//! If a wait fails, its error shows a line for each node, and the faults and counts of the network:
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
//! # Simulating minutes in seconds, with a paused clock
//!
//! With tokio's clock paused (`#[tokio::test(start_paused = true)]`), a test does not wait: when no task can run, time
//! jumps to the next timer. Pause the clock only with stores that do their work in tasks of the runtime, such as
//! [`MemLogStore`]. [`RocksdbLogStore`](crate::log_store::RocksdbLogStore) works in its own thread, and a paused clock
//! does not wait for that thread: a deadline may pass while the thread is still writing.
//!
//! Heartbeats still cost computing time: in a build without optimization, about a millisecond for each node and
//! heartbeat. So if a test simulates a long time, set a long
//! [`heartbeat_interval`](openraft::Config::heartbeat_interval).
//!
//! # Without a `Cluster`
//!
//! Start a node as follows. The same code restarts a node that was shut down, because
//! [`register`](MemNetwork::register) replaces the earlier `Raft` of the same id:
//!
//! ```
//! use std::sync::Arc;
//!
//! use openraft_toolkit::{RaftTypes, propose};
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
//!     network.register(id, raft.clone()); // from now on, its peers reach it
//!     raft
//! }
//! ```

// The files and folders, from the public entry point down. Each imports only files and folders below it. From the rest
// of this crate, they import only `lifecycle`, `log_store`, `codec`, `raft_types` and `support`.
//
// - `cluster/`: nodes in one process, which a test starts, stops, crashes and waits for.
// - `conformance/`: checks of a log store or a key space.
// - `network/`: the network between nodes, with faults, partitions and counts.
// - `mem_log_store/`, `mem_state_machine`: a log store and a state machine in memory.
// - `call_faults`: how a test makes a call on a log store or state machine in memory fail, take time or wait.
// - `log_image`: what a log store holds at one moment.
// - `golden/`: compares the encoding of messages with files; imports no other file of this folder.
// - `linearizability/`: records and checks the answers that clients get; imports no other file of this folder.

mod call_faults;
mod cluster;
pub mod conformance;
pub mod golden;
#[cfg(feature = "linearizability")]
pub mod linearizability;
mod log_image;
mod mem_log_store;
mod mem_state_machine;
mod network;

pub use call_faults::CallFaults;
pub use cluster::{Cluster, ClusterBuilder, ClusterError, ClusterNetwork, OpenStores};
pub use mem_log_store::{LogStoreCall, MemLogStore};
pub use mem_state_machine::{Applied, MemSnapshotBuilder, MemStateMachine, StateMachineCall};
pub use network::{
    CodecFailure, LinkFaults, MemNetwork, MemNetworkClient, MemNetworkFactory, PartitionController, RpcCounts, RpcKind,
};
