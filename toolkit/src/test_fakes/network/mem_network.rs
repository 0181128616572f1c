//! [`MemNetwork`]: the settings that a test makes, and the counts and failures that it reads. `traffic` decides what
//! becomes of each message.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use openraft::Raft;
use openraft::alias::NodeIdOf;
use openraft::storage::RaftStateMachine;

use super::counts::{RpcCounts, RpcKind};
use super::link::LinkFaults;
use super::partition::PartitionController;
use super::process::{Process, Registered};
use super::wire::CodecFailure;
use crate::RaftTypes;
use crate::support::lock::lock;

/// A network of nodes in one process, which delivers an RPC by calling the target's `Raft`.
///
/// The network delivers every RPC of [`RaftNetworkV2`](openraft::RaftNetworkV2): append entries, vote, pre-vote,
/// full snapshot and transfer leader. An RPC fails in one of two ways:
///
/// - As [`Unreachable`](openraft::errors::Unreachable), without waiting for a timeout: the target is not registered or
///   has stopped, the sender has crashed, a [partition](Self::partitions) stops the request, a snapshot is
///   [interrupted](Self::interrupt_snapshots), or a message does not survive [encoding](Self::encode_messages). A
///   partition that stops only the answer causes the same error, although the request has taken effect.
/// - As [`Timeout`](openraft::errors::Timeout): the request, its handling and the answer together take longer than
///   openraft allows, or a [fault](Self::set_faults) lost the request or the answer.
///
/// A registered node runs until it is shut down, as a process does: dropping its `Raft` handles does not end it,
/// because the network holds one. A node that has shut down drops its handles on the network, so the two do not keep
/// each other in memory.
///
/// The network sends entries with openraft's default [`stream_append`](openraft::RaftNetworkV2::stream_append), which
/// waits for the answer to a batch before it sends the next batch. The network cannot imitate an implementation that
/// sends several batches ahead.
///
/// # Time
///
/// All delays use the clock of the runtime that the type config names. With tokio's clock paused
/// (`#[tokio::test(start_paused = true)]`), a test that simulates minutes takes seconds.
///
/// A paused clock jumps ahead whenever no task can run. A store with its own threads, such as
/// [`RocksdbLogStore`](crate::log_store::RocksdbLogStore), may then miss a deadline that it would meet in real time.
/// Test such a store with the real clock.
///
/// # Examples
///
/// For a while, one link loses requests and all other links are slow. Then the test reads how many calls were sent:
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! {
/// #     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// # }
/// use std::time::Duration;
///
/// use openraft_toolkit::test_fakes::{LinkFaults, MemNetwork, RpcKind};
///
/// let network = MemNetwork::<Types>::with_seed(7);
/// network.set_faults(LinkFaults::new().latency(Duration::from_millis(5)));
/// network.set_link_faults(1, 2, LinkFaults::new().drop(0.2));
/// // ... start nodes, and write ...
/// network.clear_faults();
/// let counts = network.counts(1, 2, RpcKind::AppendEntries);
/// assert_eq!(counts.sent, 0, "there was no node 1 in this example");
/// ```
///
/// To start nodes on this network, use [`Cluster`](crate::test_fakes::Cluster).
pub struct MemNetwork<C: RaftTypes> {
    seed: u64,
    /// Whether messages are encoded and decoded on their path.
    pub(super) encodes: AtomicBool,
    partitions: Arc<PartitionController<NodeIdOf<C>>>,
    state: Mutex<State<C>>,
}

pub(super) struct State<C: RaftTypes> {
    /// The nodes that their peers can reach.
    pub(super) nodes: BTreeMap<NodeIdOf<C>, Registered<C>>,
    /// The current run of each node.
    processes: BTreeMap<NodeIdOf<C>, Process>,
    /// The faults of all links whose [`Link::faults`] is `None`.
    pub(super) faults: LinkFaults,
    links: BTreeMap<(NodeIdOf<C>, NodeIdOf<C>), Link>,
    pub(super) codec_failures: Vec<CodecFailure<NodeIdOf<C>>>,
}

/// A directed link, from one node to another.
#[derive(Default)]
pub(super) struct Link {
    pub(super) faults: Option<LinkFaults>,
    /// How many requests were sent over the link.
    pub(super) requests: u64,
    /// How many answers were sent over the link.
    pub(super) answers: u64,
    pub(super) snapshots_to_interrupt: u64,
    /// What became of the RPCs whose requests travel this link.
    pub(super) counts: BTreeMap<RpcKind, RpcCounts>,
}

impl<C: RaftTypes> MemNetwork<C> {
    /// Returns a network without nodes and faults, with the seed 0.
    pub fn new() -> Arc<Self> {
        Self::with_seed(0)
    }

    /// Returns a network that draws its random numbers from `seed`. The n-th request on a link has the same fate in
    /// every run with the same seed and faults, and so has the n-th answer.
    ///
    /// The same seed does not repeat a whole run: openraft draws election timeouts at random, so the n-th message may
    /// be another one.
    pub fn with_seed(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            seed,
            encodes: AtomicBool::new(false),
            partitions: Arc::new(PartitionController::new()),
            state: Mutex::new(State {
                nodes: BTreeMap::new(),
                processes: BTreeMap::new(),
                faults: LinkFaults::new(),
                links: BTreeMap::new(),
                codec_failures: Vec::new(),
            }),
        })
    }

    /// Returns the seed, for the failure message of a test.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Makes node `id` reachable. A `raft` that was registered for this id before is replaced.
    ///
    /// Register a node after [`bootstrap`](crate::lifecycle::bootstrap), as a server starts to listen only after that.
    pub fn register<SM>(&self, id: NodeIdOf<C>, raft: Raft<C, SM>)
    where
        SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    {
        let mut state = self.state();
        let process = state.processes.entry(id.clone()).or_default().clone();
        let raft = Arc::new(raft);
        state.nodes.insert(id, Registered { raft, process });
    }

    /// Makes node `id` unreachable, as if it no longer listened. The node keeps running and sending.
    pub fn unregister(&self, id: NodeIdOf<C>) {
        // Drop the registration after the lock is released: it may be the last handle on a `Raft`, and dropping the
        // last handle runs code of openraft, which must not run under this lock.
        let _unregistered = self.state().nodes.remove(&id);
    }

    /// Cuts node `id` off, as if its process crashed: its peers do not reach it any more, and all requests and answers
    /// that it sends from now on are lost. What the node sent before still arrives, except a snapshot whose transfer
    /// has not ended.
    ///
    /// The `Raft` of the node keeps running, and the caller must shut it down. The next
    /// [`factory_for`](Self::factory_for) of this id starts a new run of the node, whose messages are no longer lost.
    /// [`Cluster::crash`](crate::test_fakes::Cluster::crash) cuts the node off and shuts it down.
    pub fn crash(&self, id: NodeIdOf<C>) {
        let mut state = self.state();
        let process = state.processes.remove(&id);
        let unregistered = state.nodes.remove(&id);
        drop(state);
        if let Some(process) = process {
            process.crash();
        }
        drop(unregistered);
    }

    /// Returns the partitions, which determine which nodes reach which.
    pub fn partitions(&self) -> Arc<PartitionController<NodeIdOf<C>>> {
        self.partitions.clone()
    }

    /// Sets the faults of all links, except links with [their own faults](Self::set_link_faults).
    pub fn set_faults(&self, faults: LinkFaults) {
        self.state().faults = faults;
    }

    /// Sets the faults of the link from `from` to `to`, which replace the faults of all links.
    pub fn set_link_faults(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, faults: LinkFaults) {
        self.state().link(&from, &to).faults = Some(faults);
    }

    /// Undoes [`set_link_faults`](Self::set_link_faults): the faults of all links apply to this link again.
    pub fn clear_link_faults(&self, from: NodeIdOf<C>, to: NodeIdOf<C>) {
        self.state().link(&from, &to).faults = None;
    }

    /// Removes the faults of every link, and the snapshot cuts that [`interrupt_snapshots`](Self::interrupt_snapshots)
    /// asked for. Partitions stay: [`PartitionController::heal_all`] lifts them.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults = LinkFaults::new();
        for link in state.links.values_mut() {
            link.faults = None;
            link.snapshots_to_interrupt = 0;
        }
    }

    /// Cuts each of the next `times` snapshots that `from` sends to `to` when half of its transfer time is over. The
    /// target gets nothing, and openraft sends the snapshot again. `times` replaces the number of an earlier call.
    ///
    /// This network delivers a snapshot whole or not at all. A real network has to assemble the parts of a snapshot
    /// before it calls [`Raft::install_full_snapshot`](openraft::Raft::install_full_snapshot).
    ///
    /// To cut a snapshot by a partition or a crash, make its transfer long with
    /// [`LinkFaults::snapshot_transfer`].
    pub fn interrupt_snapshots(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, times: u64) {
        self.state().link(&from, &to).snapshots_to_interrupt = times;
    }

    /// Encodes and decodes all messages from now on, as a real network does, with [`encode`](crate::encode) and
    /// [`decode`](crate::decode).
    ///
    /// A message that cannot be encoded or decoded, or that is different afterwards, fails its RPC. The failure is
    /// added to [`codec_failures`](Self::codec_failures), and fails every later wait and the shutdown of a
    /// [`Cluster`](crate::test_fakes::Cluster).
    ///
    /// Messages are compared by the characters of their `Debug` output, in any order, because the order of a hash map
    /// may change. So a field with `#[serde(skip)]` is noticed if its value is not the default, unless a hand-written
    /// `Debug` leaves the field out. The data of a snapshot is not encoded, because it may be of any type; the vote and
    /// the metadata of the snapshot are.
    pub fn encode_messages(&self) {
        self.encodes.store(true, Ordering::Release);
    }

    /// Returns the messages that did not survive [encoding](Self::encode_messages). Requests that
    /// [`LinkFaults::duplicate`] copies are always encoded.
    ///
    /// A test without a [`Cluster`](crate::test_fakes::Cluster) should assert at its end that there are none.
    pub fn codec_failures(&self) -> Vec<CodecFailure<NodeIdOf<C>>> {
        self.state().codec_failures.clone()
    }

    /// Returns what became of the RPCs of one kind that `from` sent to `to`.
    pub fn counts(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, kind: RpcKind) -> RpcCounts {
        let mut state = self.state();
        state.link(&from, &to).counts.get(&kind).copied().unwrap_or_default()
    }

    /// Returns what became of the RPCs of one kind, summed over all links.
    pub fn total_counts(&self, kind: RpcKind) -> RpcCounts {
        let state = self.state();
        state
            .links
            .values()
            .filter_map(|link| link.counts.get(&kind).copied())
            .sum()
    }

    /// Sets all counts to zero.
    pub fn reset_counts(&self) {
        self.state().links.values_mut().for_each(|link| link.counts.clear());
    }

    /// Returns the partitions, faults, counts and codec failures as lines, for the failure message of a test.
    pub(in crate::test_fakes) fn report(&self) -> String {
        let mut lines = Vec::new();
        let isolated: Vec<String> = self.partitions.isolated().iter().map(ToString::to_string).collect();
        if !isolated.is_empty() {
            lines.push(format!("isolated: {}", isolated.join(", ")));
        }
        let cut = self.partitions.cut_edges();
        let cut: Vec<String> = cut.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
        if !cut.is_empty() {
            lines.push(format!("cut: {}", cut.join(", ")));
        }
        let state = self.state();
        lines.push(format!("faults of all links: {} (seed {})", state.faults, self.seed));
        for ((from, to), link) in &state.links {
            if let Some(faults) = &link.faults {
                lines.push(format!("faults of {from} -> {to}: {faults}"));
            }
        }
        for ((from, to), link) in &state.links {
            for (kind, counts) in &link.counts {
                lines.push(format!("{from} -> {to} {kind}: {counts}"));
            }
        }
        for failure in &state.codec_failures {
            lines.push(format!("codec failure: {failure}"));
        }
        lines.join("\n")
    }

    pub(super) fn partition(&self) -> &PartitionController<NodeIdOf<C>> {
        &self.partitions
    }

    /// Returns the current run of node `id`. If there is none, a new run starts with this call.
    pub(super) fn process(&self, id: &NodeIdOf<C>) -> Process {
        self.state().processes.entry(id.clone()).or_default().clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<C>> {
        lock(&self.state)
    }
}

impl<C: RaftTypes> State<C> {
    pub(super) fn link(&mut self, from: &NodeIdOf<C>, to: &NodeIdOf<C>) -> &mut Link {
        self.links.entry((from.clone(), to.clone())).or_default()
    }
}
