use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use openraft::Raft;
use openraft::alias::NodeIdOf;
use openraft::storage::RaftStateMachine;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handler::RpcHandler;
use super::link::{Fate, Message};
use super::wire::round_trip;
use super::{CodecFailure, LinkFaults, MemNetworkFactory, PartitionController, RpcCounts, RpcKind};
use crate::RaftTypes;
use crate::support::lock::lock;

/// A network of nodes in one process: RPCs are delivered by calling the target's `Raft`.
///
/// Every RPC of [`RaftNetworkV2`](openraft::RaftNetworkV2) is delivered: append entries, vote, pre-vote, full
/// snapshot and transfer leader. It fails as [`Unreachable`](openraft::errors::Unreachable) at once where the
/// target is not registered or has stopped, where the [partitions](Self::partitions) do not let the request
/// through, or where they do not let the answer back, when the request has taken effect. It fails as
/// [`Timeout`](openraft::errors::Timeout) where the target takes longer than openraft allows, or where a
/// [fault](Self::set_faults) lost the message.
///
/// A registered node runs until it is shut down, as a process would: dropping its `Raft` handles is
/// not enough. A node that is shut down lets go of the network.
///
/// Entries are sent with openraft's default [`stream_append`](openraft::RaftNetworkV2::stream_append): one
/// batch, its answer, the next batch. A network that pipelines them is not imitated.
///
/// # Time
///
/// All delays are those of the runtime that the type config names. With tokio's clock paused
/// (`#[tokio::test(start_paused = true)]`), a test of minutes takes milliseconds. Paused time moves on whenever
/// no task can: with a store that works in threads of its own, as
/// [`RocksdbLogStore`](crate::log_store::RocksdbLogStore) does, a deadline may come before its work is
/// done, so test those by the real clock.
///
/// # Examples
///
/// A slow link, lifted again, and what was sent meanwhile:
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
/// [`Cluster`](super::Cluster) starts nodes on it.
pub struct MemNetwork<C: RaftTypes> {
    seed: u64,
    encodes: AtomicBool,
    partitions: Arc<PartitionController<NodeIdOf<C>>>,
    state: Mutex<State<C>>,
}

struct State<C: RaftTypes> {
    nodes: BTreeMap<NodeIdOf<C>, Registered<C>>,
    /// The process that each node is at present.
    processes: BTreeMap<NodeIdOf<C>, Process>,
    faults: LinkFaults,
    links: BTreeMap<(NodeIdOf<C>, NodeIdOf<C>), Link>,
    codec_failures: Vec<CodecFailure<NodeIdOf<C>>>,
}

/// A node as its peers reach it.
pub(super) struct Registered<C: RaftTypes> {
    pub(super) raft: Arc<dyn RpcHandler<C>>,
    pub(super) process: Process,
}

/// One life of a node, which ends when it crashes.
#[derive(Clone, Default)]
pub(super) struct Process {
    crashed: Arc<AtomicBool>,
}

impl Process {
    pub(super) fn is_crashed(&self) -> bool {
        self.crashed.load(Ordering::Acquire)
    }

    /// Whether both are the same life of a node.
    pub(super) fn is(&self, other: &Process) -> bool {
        Arc::ptr_eq(&self.crashed, &other.crashed)
    }
}

/// A directed link.
#[derive(Default)]
struct Link {
    faults: Option<LinkFaults>,
    requests: u64,
    answers: u64,
    snapshots_to_interrupt: u64,
    counts: BTreeMap<RpcKind, RpcCounts>,
}

impl<C: RaftTypes> MemNetwork<C> {
    /// A network without nodes and without faults.
    pub fn new() -> Arc<Self> {
        Self::with_seed(0)
    }

    /// A network whose faults come from `seed`: the n-th request on a link, and the n-th answer, has the same
    /// fate in every run with that seed and the same faults.
    ///
    /// Which message is the n-th is up to the nodes, whose election timeouts openraft draws at random. So a seed
    /// repeats the weather, and not the whole run.
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

    /// The seed, for the message of a test that fails.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The end of the network that node `id` sends from: the `network` argument of its `Raft::new`.
    pub fn factory_for(self: &Arc<Self>, id: NodeIdOf<C>) -> MemNetworkFactory<C> {
        let process = self.state().processes.entry(id.clone()).or_default().clone();
        MemNetworkFactory::new(id, process, self.clone())
    }

    /// Makes node `id` reachable, in the place of an earlier `raft` of that id.
    ///
    /// Register a node after [`bootstrap`](crate::lifecycle::bootstrap), as a server would.
    pub fn register<SM>(&self, id: NodeIdOf<C>, raft: Raft<C, SM>)
    where
        SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    {
        let mut state = self.state();
        let process = state.processes.entry(id.clone()).or_default().clone();
        let raft = Arc::new(raft);
        state.nodes.insert(id, Registered { raft, process });
    }

    /// Makes node `id` unreachable, as if it no longer listened. The node itself keeps running, and sending.
    pub fn unregister(&self, id: NodeIdOf<C>) {
        // Dropped without the lock: it may be the last handle of a `Raft`.
        let _unregistered = self.state().nodes.remove(&id);
    }

    /// Ends node `id` as far as others can see: it is not reached any more, and what it sends from now on,
    /// requests and answers, is lost for good. What it had sent before is still under way.
    ///
    /// The node itself keeps running, and is to be shut down. The next [`factory_for`](Self::factory_for) of
    /// this id is for the process that is started in its place. [`Cluster::crash`](super::Cluster::crash)
    /// does all of it.
    pub fn crash(&self, id: NodeIdOf<C>) {
        let mut state = self.state();
        let process = state.processes.remove(&id);
        let unregistered = state.nodes.remove(&id);
        drop(state);
        if let Some(process) = process {
            process.crashed.store(true, Ordering::Release);
        }
        drop(unregistered);
    }

    /// Which nodes reach which.
    pub fn partitions(&self) -> Arc<PartitionController<NodeIdOf<C>>> {
        self.partitions.clone()
    }

    /// Sets the faults of all links that have none of their own.
    pub fn set_faults(&self, faults: LinkFaults) {
        self.state().faults = faults;
    }

    /// Sets the faults of what `from` sends to `to`, in the place of those of all links.
    pub fn set_link_faults(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, faults: LinkFaults) {
        self.state().link(&from, &to).faults = Some(faults);
    }

    /// Undoes [`set_link_faults`](Self::set_link_faults): the link is like the others again.
    pub fn clear_link_faults(&self, from: NodeIdOf<C>, to: NodeIdOf<C>) {
        self.state().link(&from, &to).faults = None;
    }

    /// Makes all links perfect. Partitions stay: [`PartitionController::heal_all`] lifts them.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults = LinkFaults::new();
        for link in state.links.values_mut() {
            link.faults = None;
            link.snapshots_to_interrupt = 0;
        }
    }

    /// Cuts the next `times` snapshots that `from` sends to `to` when half of each is transferred. Their
    /// target gets nothing, and openraft starts over.
    ///
    /// A snapshot is delivered whole or not at all: putting the parts together is what a real network does
    /// before it calls [`Raft::install_full_snapshot`](openraft::Raft::install_full_snapshot). What is
    /// tested here is that both nodes take an interruption well.
    /// [`LinkFaults::snapshot_transfer`] makes a transfer long enough to cut it by a partition or a crash.
    pub fn interrupt_snapshots(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, times: u64) {
        self.state().link(&from, &to).snapshots_to_interrupt = times;
    }

    /// Sends all messages through [`encode`](crate::encode) and [`decode`](crate::decode) from now on, as a real
    /// network would: the receiver gets what was decoded.
    ///
    /// A message that cannot be encoded or decoded, or that is not the same afterwards, fails its RPC and is
    /// kept in [`codec_failures`](Self::codec_failures), which a [`Cluster`](super::Cluster) looks at in
    /// every wait. Messages are compared by what `Debug` shows, so that a field that
    /// `#[serde(skip)]` leaves out is seen unless a hand-written `Debug` leaves it out as well.
    ///
    /// Of a snapshot it is the vote and the meta: its data may be anything, and is handed over as it is.
    pub fn encode_messages(&self) {
        self.encodes.store(true, Ordering::Release);
    }

    /// The messages that did not survive [encoding](Self::encode_messages). A test that calls for encoding
    /// asserts at its end that there are none.
    pub fn codec_failures(&self) -> Vec<CodecFailure<NodeIdOf<C>>> {
        self.state().codec_failures.clone()
    }

    /// What became of the RPCs of one kind that `from` sent to `to`.
    pub fn counts(&self, from: NodeIdOf<C>, to: NodeIdOf<C>, kind: RpcKind) -> RpcCounts {
        let mut state = self.state();
        state.link(&from, &to).counts.get(&kind).copied().unwrap_or_default()
    }

    /// What became of the RPCs of one kind on all links.
    pub fn total_counts(&self, kind: RpcKind) -> RpcCounts {
        let state = self.state();
        state
            .links
            .values()
            .filter_map(|link| link.counts.get(&kind).copied())
            .sum()
    }

    /// Starts all counts over, at zero.
    pub fn reset_counts(&self) {
        self.state().links.values_mut().for_each(|link| link.counts.clear());
    }

    /// What there is to say about the network when a test fails.
    pub(super) fn report(&self) -> String {
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

    pub(super) fn target(&self, id: &NodeIdOf<C>) -> Option<Registered<C>> {
        let state = self.state();
        state.nodes.get(id).map(|node| Registered {
            raft: node.raft.clone(),
            process: node.process.clone(),
        })
    }

    pub(super) fn count(
        &self,
        (from, to): (&NodeIdOf<C>, &NodeIdOf<C>),
        kind: RpcKind,
        count: impl FnOnce(&mut RpcCounts),
    ) {
        count(self.state().link(from, to).counts.entry(kind).or_default());
    }

    /// What becomes of the next message that `from` sends to `to`.
    pub(super) fn fate(&self, from: &NodeIdOf<C>, to: &NodeIdOf<C>, message: Message) -> Fate {
        let mut state = self.state();
        let all = state.faults.clone();
        let link = state.link(from, to);
        let nth = match message {
            Message::Request => &mut link.requests,
            Message::Answer => &mut link.answers,
        };
        *nth += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, from, to, message == Message::Answer, *nth).hash(&mut hasher);
        let rng = Rng::with_seed(hasher.finish());
        link.faults.as_ref().unwrap_or(&all).fate(message, rng)
    }

    /// How the next snapshot that `from` sends to `to` travels: its fate, for how much longer than other
    /// messages, and whether it is cut halfway.
    pub(super) fn snapshot_fate(&self, from: &NodeIdOf<C>, to: &NodeIdOf<C>) -> (Fate, bool) {
        let mut fate = self.fate(from, to, Message::Request);
        let mut state = self.state();
        let all = state.faults.snapshot_time();
        let link = state.link(from, to);
        fate.delay += link.faults.as_ref().map_or(all, LinkFaults::snapshot_time);
        let interrupted = link.snapshots_to_interrupt > 0;
        link.snapshots_to_interrupt -= u64::from(interrupted);
        (fate, interrupted)
    }

    /// What the receiver gets.
    pub(super) fn transmit<T>(
        &self,
        link: (&NodeIdOf<C>, &NodeIdOf<C>),
        rpc: RpcKind,
        message: Message,
        value: T,
    ) -> Result<T, String>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        match self.encodes.load(Ordering::Acquire) {
            true => self.recode(link, rpc, message, &value),
            false => Ok(value),
        }
    }

    /// What is decoded from what `value` is encoded to.
    pub(super) fn recode<T>(
        &self,
        (from, to): (&NodeIdOf<C>, &NodeIdOf<C>),
        rpc: RpcKind,
        message: Message,
        value: &T,
    ) -> Result<T, String>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        round_trip(message, value).map_err(|problem| {
            let failure = CodecFailure {
                from: from.clone(),
                to: to.clone(),
                rpc,
                problem,
            };
            let error = failure.to_string();
            tracing::error!("{error}");
            self.state().codec_failures.push(failure);
            error
        })
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        lock(&self.state)
    }
}

impl<C: RaftTypes> State<C> {
    fn link(&mut self, from: &NodeIdOf<C>, to: &NodeIdOf<C>) -> &mut Link {
        self.links.entry((from.clone(), to.clone())).or_default()
    }
}
