//! Starts a node on its storage: forms a cluster, resumes one, or waits to join one.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf, TermOf};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{Raft, RaftTypeConfig};

use super::error::BootstrapError;

/// What a node expects of its storage when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootstrapMode<C: RaftTypeConfig> {
    /// The storage is blank, and this node creates the cluster.
    ///
    /// Start one node of a cluster this way, once. Several nodes may start this way if all of them name the same
    /// members.
    ///
    /// # With different members
    ///
    /// Neither openraft nor this library can detect that two nodes were given different lists.
    ///
    /// - If some majority of one list has no node in common with some majority of the other list, as with `{1}` and
    ///   `{2}`, each list may form **its own cluster**, whose writes succeed. When nodes of the two clusters meet,
    ///   their committed entries contradict each other: a node stops, or loses writes that it acknowledged.
    /// - If every majority of one list has a node in common with every majority of the other list, as with `{1, 2, 3}`
    ///   and `{1, 2}`, the nodes form one cluster. The list of the node that is elected replaces the other list.
    /// - With a type config that allows only one leader in a term (`leader_id_std`), no list replaces another, even if
    ///   the majorities have a node in common. The first entries of all nodes have the same log id, so each node
    ///   **keeps its own list**, and counts majorities of that list until the next change of the membership.
    ///
    /// With [`Static`](Self::Static), different lists cannot form two clusters as long as the smallest id is the same
    /// in all lists: only the node with that id forms a cluster.
    Fresh {
        /// The first voters, and how to reach each. This node must be one of them. The other voters start with
        /// [`Join`](Self::Join), and the cluster elects a leader once a majority is up.
        initial_members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
    },
    /// All nodes start with the same arguments at every start, like the pods of a Kubernetes StatefulSet. etcd calls
    /// this static bootstrapping.
    ///
    /// A node with state resumes. If the node with the **smallest id** in `initial_members` is blank, it forms the
    /// cluster like [`Fresh`](Self::Fresh). All other blank nodes wait like [`Join`](Self::Join), even nodes that are
    /// not in the list: add those with [`add_learner`](super::add_learner) when the deployment grows.
    ///
    /// Only one node forms a cluster. So nodes with different lists cannot form two clusters, as long as the smallest
    /// id is the same in all lists. After a crash at any moment, the storage of a node is either blank or has the first
    /// membership, and the same call continues from there.
    ///
    /// # A node that lost its disk
    ///
    /// A node that lost its disk is blank, like a node that starts for the first time:
    ///
    /// - The node with the smallest id would form the cluster again. As long as a majority of `initial_members` has its
    ///   state, the other nodes do not elect this node. If a majority has lost its state, the blank nodes form **a
    ///   second cluster** with the same ids. [`bootstrap_checked`] detects the lost disk of the node with the smallest
    ///   id, because that node first asks the other nodes.
    /// - Any other node that lost its disk waits for a leader to contact it. The leader treats the node as a voter,
    ///   although the node has forgotten its votes. **Nothing detects this.**
    ///
    /// If one of your nodes may come back with a blank disk under the same id, for example because a volume is created
    /// again, start nodes with [`Reopen`](Self::Reopen) once the cluster is formed. Replace a node that lost its disk
    /// with [`replace_voter`](super::replace_voter).
    Static {
        /// The first voters, and how to reach each: the same list on all nodes. On a node with state, the list has no
        /// effect, but it must not be empty.
        initial_members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
    },
    /// The storage has the state of an earlier run, and this node resumes it.
    Reopen,
    /// On blank storage, this node waits for the leader of a cluster to contact it. On storage with state, it resumes.
    ///
    /// On blank storage, the id of this node must be new to the cluster, or be one of the `initial_members` of a
    /// cluster that is just being formed. A voter that lost its disk must not join under its old id.
    Join,
}

/// How a node started, as [`bootstrap`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bootstrapped {
    /// The first membership is durable in the log, and this node stands for election.
    Initialized,
    /// The node resumes with the vote and the log of its storage.
    Resumed,
    /// The storage is blank, and the node waits for a leader to contact it.
    Joining,
}

/// Starts a node on its storage, or returns an error if the storage is not what `mode` expects.
///
/// Call this function once, right after `Raft::new`, and **before peers can reach the node's RPC handlers**: a blank
/// node that is reachable grants votes, and `Reopen` can then no longer detect that the disk was lost. The function
/// also starts a `Raft` that was built with `Raft::build`.
///
/// Storage is blank while it has no log, nothing applied, and no vote of a later term than the default one; see
/// [`Raft::is_initialized`](openraft::Raft::is_initialized).
///
/// With `Fresh`, the function calls [`Raft::initialize`](openraft::Raft::initialize), which checks that the storage is
/// blank and writes the first membership in one step. After a crash, the storage is thus either blank or has the first
/// membership. The function returns when the first membership is durable, and does not wait for a leader.
///
/// # Errors
///
/// Each variant of [`BootstrapError`] says when it occurs, and has a message that says what to do. After an error, the
/// storage is unchanged, except that it may have the first membership after [`BootstrapError::Fatal`].
///
/// # Examples
///
/// Starts the first node of a cluster, with the same arguments at the first start and at every later start:
///
/// ```
/// use std::collections::BTreeMap;
///
/// use openraft_toolkit::lifecycle::{BootstrapError, BootstrapMode, Bootstrapped, bootstrap};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn start_first<C, SM>(raft: &Raft<C, SM>, node: C::Node) -> Result<(), BootstrapError<C>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     let initial_members = BTreeMap::from([(raft.node_id().clone(), node)]);
///     match bootstrap(raft, BootstrapMode::Fresh { initial_members }).await {
///         Err(BootstrapError::UnexpectedExistingState) => {
///             let resumed = bootstrap(raft, BootstrapMode::Reopen).await?;
///             assert_eq!(resumed, Bootstrapped::Resumed);
///         }
///         other => assert_eq!(other?, Bootstrapped::Initialized),
///     }
///     Ok(()) // now let its peers reach it
/// }
/// ```
pub async fn bootstrap<C, SM>(raft: &Raft<C, SM>, mode: BootstrapMode<C>) -> Result<Bootstrapped, BootstrapError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    // Start the node: until then, a `Raft` that was built lazily answers no call. On a started node this is a no-op.
    raft.run();

    let blank = match mode {
        BootstrapMode::Fresh { initial_members } => return initialize(raft, initial_members).await,
        BootstrapMode::Static { initial_members } => match forms_cluster(raft, &initial_members).await? {
            true => return initialize(raft, initial_members).await,
            false => Ok(Bootstrapped::Joining),
        },
        BootstrapMode::Reopen => Err(BootstrapError::NoExistingState),
        BootstrapMode::Join => Ok(Bootstrapped::Joining),
    };
    match raft.is_initialized().await? {
        true => Ok(Bootstrapped::Resumed),
        false => blank,
    }
}

/// Starts a node like [`bootstrap`], but a blank node that is about to form a cluster first asks the other
/// `initial_members` whether they have state. If one of them has state, the call returns an error: a cluster exists
/// already, so this node must not form one. Most likely it lost its disk.
///
/// `has_state` asks one node, over the application's own network, and returns the value of
/// [`Raft::is_initialized`](openraft::Raft::is_initialized) on that node. If `has_state` fails, the node is asked again
/// after a pause. So if no node reports state, the call waits until **every** other initial member has answered: bound
/// it with a timeout, and repeat the call. All of them must answer, because any of them may be the last node that still
/// has the data.
///
/// Use this function with [`BootstrapMode::Static`]: the node with the smallest id then notices that it lost its disk,
/// as long as at least one other initial member has its state. Only a blank node with the smallest id asks and waits.
/// On all other nodes the function starts the node at once. In a StatefulSet, start all pods at once
/// (`podManagementPolicy: Parallel`): with the default policy, the first pod would wait for the answers of the other
/// pods, which Kubernetes starts only after the first pod is ready.
///
/// With [`BootstrapMode::Fresh`], call this function on one node only. Two blank nodes would wait for each other if
/// each answers only after its own call has returned. In the other modes, and on a node with state, the function asks
/// no node.
///
/// # Errors
///
/// - [`BootstrapError::AlreadyFormed`] if this node is blank and was about to form a cluster, and another initial
///   member has state.
/// - The errors of [`bootstrap`].
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{BootstrapMode, bootstrap_checked};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{BasicNode, Raft, RaftTypeConfig};
/// # struct Client;
/// # impl Client { async fn is_initialized(&self, _address: &str) -> std::io::Result<bool> { Ok(false) } }
///
/// async fn start<C, SM>(
///     raft: &Raft<C, SM>,
///     initial_members: BTreeMap<u64, BasicNode>,
///     client: &Client,
/// ) -> Result<(), Box<dyn std::error::Error>>
/// where
///     C: RaftTypeConfig<NodeId = u64, Node = BasicNode>,
///     SM: RaftStateMachine<C>,
/// {
///     let mode = BootstrapMode::Static { initial_members };
///     let started = bootstrap_checked(raft, mode, |_id, node| async move { client.is_initialized(&node.addr).await });
///     tokio::time::timeout(Duration::from_secs(60), started).await??;
///     Ok(()) // now let its peers reach it
/// }
/// ```
pub async fn bootstrap_checked<C, SM, F, Fut, E>(
    raft: &Raft<C, SM>,
    mode: BootstrapMode<C>,
    mut has_state: F,
) -> Result<Bootstrapped, BootstrapError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
    F: FnMut(NodeIdOf<C>, NodeOf<C>) -> Fut,
    Fut: Future<Output = Result<bool, E>>,
{
    raft.run();

    let unasked = match &mode {
        BootstrapMode::Fresh { initial_members } if !raft.is_initialized().await? => Some(initial_members),
        BootstrapMode::Static { initial_members } if forms_cluster(raft, initial_members).await? => {
            Some(initial_members)
        }
        _ => None,
    };
    let mut unasked = unasked.cloned().unwrap_or_default();
    unasked.remove(raft.node_id());
    let pause = Duration::from_millis(raft.config().election_timeout_min);
    loop {
        let mut silent = BTreeMap::new();
        for (node_id, node) in unasked {
            match has_state(node_id.clone(), node.clone()).await {
                Ok(true) => return Err(BootstrapError::AlreadyFormed { node_id }),
                Ok(false) => {}
                Err(_) => drop(silent.insert(node_id, node)),
            }
        }
        if silent.is_empty() {
            return bootstrap(raft, mode).await;
        }
        unasked = silent;
        C::sleep(pause).await;
    }
}

/// Returns whether this node has to form a cluster of `initial_members`: whether it has the smallest id and is blank.
async fn forms_cluster<C, SM>(
    raft: &Raft<C, SM>,
    initial_members: &BTreeMap<NodeIdOf<C>, NodeOf<C>>,
) -> Result<bool, BootstrapError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let Some(first) = initial_members.keys().next() else {
        return Err(BootstrapError::NoInitialMembers);
    };
    Ok(first == raft.node_id() && !raft.is_initialized().await?)
}

/// Forms a cluster, and waits until the first membership is durable.
async fn initialize<C, SM>(
    raft: &Raft<C, SM>,
    initial_members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
) -> Result<Bootstrapped, BootstrapError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    if initial_members.is_empty() {
        return Err(BootstrapError::NoInitialMembers);
    }
    let mut log_progress = raft.watch_log_progress();
    raft.initialize(initial_members).await?;
    // `initialize` returns before the first entry is durable. Wait until openraft reports that the entry is durable, or
    // that this node's vote in the following election is durable: openraft writes the entry first, and then this vote.
    let durable = log_progress.wait_until(|flushed| {
        flushed
            .as_ref()
            .is_some_and(|io| io.last_log_id.is_some() || io.vote.leader_id().term() != TermOf::<C>::default())
    });
    if durable.await.is_err() {
        raft.is_initialized().await?; // The node has stopped: this call returns the reason as an error.
    }
    Ok(Bootstrapped::Initialized)
}
