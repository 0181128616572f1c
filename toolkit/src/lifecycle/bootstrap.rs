use std::collections::BTreeMap;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf, TermOf};
use openraft::errors::{Fatal, InitializeError, NotInMembers, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{Raft, RaftTypeConfig};

/// What a node expects of its storage when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootstrapMode<C: RaftTypeConfig> {
    /// The storage is blank, and this node creates the cluster.
    ///
    /// Exactly one node of a cluster starts this way, once. Several nodes may, if all of them name
    /// the same members.
    ///
    /// # With different members
    ///
    /// Neither openraft nor this can tell that two nodes were given different lists.
    ///
    /// - Where a majority of one list and a majority of the other need not have a node in common, as of
    ///   `{1}` and `{2}`, each forms **a cluster of its own**, whose writes succeed. When such clusters
    ///   meet, what they committed contradicts: a node stops, or loses what it acknowledged.
    /// - Where they must, as of `{1, 2, 3}` and `{1, 2}`, one cluster comes of it. The list of the node that is
    ///   elected replaces the other one. With a type config of one leader a term (`leader_id_std`) it
    ///   does not: the first entries have the same log id then, each node **keeps its own list**, and
    ///   they count majorities of different nodes until the next change of the membership.
    ///
    /// With [`Static`](Self::Static) one node alone forms the cluster, whatever the others were given.
    Fresh {
        /// The first voters and how to reach them. This node must be one of them. The other ones
        /// start with [`Join`](Self::Join), and the cluster has a leader once a majority is up.
        initial_members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
    },
    /// Every node is started with the same arguments, at every start, as the pods of a Kubernetes
    /// StatefulSet are. (etcd calls this static bootstrapping.)
    ///
    /// A node with state goes on from there. Of blank ones that of the **smallest id** in
    /// `initial_members` forms the cluster, as by [`Fresh`](Self::Fresh), and all others wait for it as by
    /// [`Join`](Self::Join), nodes that are not in the list included: those are brought in with
    /// [`add_learner`](super::add_learner) when the deployment grows.
    ///
    /// As only one node forms a cluster, there is never more than one, even where the others were
    /// given another list, so long as the smallest id is the same in all of them. A crash at any moment
    /// leaves a node blank or formed, and the same call again goes on from either.
    ///
    /// # A node that lost its disk
    ///
    /// It is blank, as a node is that starts for the first time:
    ///
    /// - Were it the node of the smallest id, it would form the cluster anew. The others do not follow it
    ///   as long as a majority of `initial_members` has its state; where a majority has lost it, that
    ///   would be **a second cluster** under the same name. [`bootstrap_checked`] asks the other
    ///   nodes first, and detects it.
    /// - Any other node waits to be contacted, as a voter that forgot its votes. **Nothing detects that.**
    ///
    /// Where a disk can come back blank under the same id, as when a volume is created again, start with
    /// [`Reopen`](Self::Reopen) once the cluster is formed, and replace the node:
    /// [`replace_voter`](super::replace_voter).
    Static {
        /// The first voters and how to reach them, the same list on all nodes. It matters until the
        /// cluster is formed, and no more after that.
        initial_members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
    },
    /// The storage has the state of an earlier run, and this node goes on from there.
    Reopen,
    /// This node is brought in by the leader of a cluster, or goes on where it was.
    ///
    /// On blank storage the id of this node must be new to the cluster, or be one of the
    /// `initial_members` of a cluster that is just being formed: a voter that lost its disk must
    /// not join under its old id.
    Join,
}

/// What [`bootstrap`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bootstrapped {
    /// The first membership is in the log, durably, and this node stands for election.
    Initialized,
    /// The node goes on from the vote and log of its storage.
    Resumed,
    /// The storage is blank; the node waits for a leader to contact it.
    Joining,
}

/// Why a node did not start.
///
/// The storage is as it was. Shut the node down rather than serve it:
/// [`Raft::shutdown`](openraft::Raft::shutdown).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError<C: RaftTypeConfig> {
    /// [`BootstrapMode::Fresh`] found a vote or a log in the storage.
    ///
    /// What it found is in the node's [`metrics`](openraft::Raft::metrics).
    #[error(
        "the storage already belongs to a cluster; help: start with `Reopen` or `Join` to resume it, or open blank storage to create a new cluster"
    )]
    UnexpectedExistingState,
    /// [`BootstrapMode::Reopen`] found blank storage.
    #[error(
        "the storage is blank, there is nothing to reopen; help: check that its path is right and mounted; if the data is lost, remove this node from the voters and start a node with a new id with `Join`"
    )]
    NoExistingState,
    /// [`BootstrapMode::Fresh`] or [`BootstrapMode::Static`] named no members.
    #[error("`initial_members` is empty; help: name this node, at least, and how to reach it")]
    NoInitialMembers,
    /// [`BootstrapMode::Fresh`] named members of which this node is none.
    #[error(
        "node {node_id} is not one of the initial members; help: add it to `initial_members`, or start it with `Join`"
    )]
    NotInitialMember {
        /// The id of this node.
        node_id: NodeIdOf<C>,
        /// openraft's error.
        source: NotInMembers<C>,
    },
    /// This node is blank, would form the cluster, and one of the others has state: there is a cluster
    /// already. [`bootstrap_checked`] gives this.
    #[error(
        "the storage is blank, and node {node_id} already belongs to a cluster of these members; help: check that the path of the storage is right and mounted; if the data is lost, remove this node from the voters and start a node with a new id with `Join`"
    )]
    AlreadyFormed {
        /// The node that has state.
        node_id: NodeIdOf<C>,
    },
    /// The node has stopped.
    #[error("the node has stopped; help: see the cause, and build a new `Raft` once it is dealt with")]
    Fatal {
        /// Why it stopped.
        source: Fatal<C>,
    },
}

impl<C: RaftTypeConfig> From<Fatal<C>> for BootstrapError<C> {
    fn from(source: Fatal<C>) -> Self {
        Self::Fatal { source }
    }
}

impl<C: RaftTypeConfig> From<RaftError<C, InitializeError<C>>> for BootstrapError<C> {
    fn from(error: RaftError<C, InitializeError<C>>) -> Self {
        match error {
            RaftError::APIError(InitializeError::NotAllowed(_)) => Self::UnexpectedExistingState,
            RaftError::APIError(InitializeError::NotInMembers(source)) => Self::NotInitialMember {
                node_id: source.node_id.clone(),
                source,
            },
            RaftError::Fatal(source) => Self::Fatal { source },
        }
    }
}

/// Starts a node's life on its storage, or refuses to where that would be unsafe.
///
/// Call it once, right after `Raft::new` (or `Raft::build`, which it runs), and **before the node's
/// RPC handlers are reachable**: a blank node that is reachable grants votes, after which `Reopen`
/// can no longer tell that the disk was lost.
///
/// Storage counts as blank while it has no log, nothing applied, and no vote of a term beyond the
/// first: [`Raft::is_initialized`](openraft::Raft::is_initialized). `Fresh` rests on
/// [`Raft::initialize`](openraft::Raft::initialize), which checks and writes in one step, so that a
/// crash leaves either blank storage or a formed cluster. It returns when the first membership is
/// durable, and does not wait for a leader.
///
/// # Errors
///
/// Each variant of [`BootstrapError`] says what to do. On any error the storage is unchanged.
///
/// # Examples
///
/// The first node of a cluster, started with the same arguments ever after:
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
    // A node that was only built answers nothing, for ever; on any other node this does nothing.
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

/// As [`bootstrap`], but a blank node that is about to form a cluster first asks the other
/// `initial_members` whether they have state already, in which case there is a cluster, and this
/// node lost its disk.
///
/// `has_state` asks one of them, over the application's own network, for what
/// [`Raft::is_initialized`](openraft::Raft::is_initialized) says there. Where it fails, that node is asked
/// again, so that this waits until **every** one of them has answered, however long that takes: bound
/// it with a timeout, and call it again. A cluster needs most of them to be up before it has a
/// leader anyway; all of them are needed once, because any of them may be the last that has the data.
///
/// With [`BootstrapMode::Static`], which it is meant for, this is exact as long as one of
/// `initial_members` has its state. In a StatefulSet all pods must then start at the same time
/// (`podManagementPolicy: Parallel`): the first one is not ready before the others have answered. They
/// answer, as they do not ask anyone. With [`BootstrapMode::Fresh`] use it on one node alone, for the
/// same reason. In the other modes, and on a node that has state, it asks nobody.
///
/// # Errors
///
/// [`BootstrapError::AlreadyFormed`], and those of [`bootstrap`].
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

/// Whether this node is the one that forms a cluster of `initial_members`, and has not done so yet.
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
    // openraft answers before it is durable. What is flushed is the first entry, or a vote after it.
    let durable = log_progress.wait_until(|flushed| {
        flushed
            .as_ref()
            .is_some_and(|io| io.last_log_id.is_some() || io.vote.leader_id().term() != TermOf::<C>::default())
    });
    if durable.await.is_err() {
        raft.is_initialized().await?; // raft has stopped, and this says why
    }
    Ok(Bootstrapped::Initialized)
}
