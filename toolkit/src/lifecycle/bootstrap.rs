use std::collections::BTreeMap;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::errors::{Fatal, InitializeError, NotInMembers, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::{Raft, RaftTypeConfig};

/// What a node expects of its storage when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootstrapMode<C: RaftTypeConfig> {
    /// The storage is blank, and this node creates the cluster.
    ///
    /// Exactly one node of a cluster starts this way, once. Several nodes may, if all of them name
    /// the same members; with different members they form different clusters, which openraft
    /// cannot detect.
    Fresh {
        /// The first voters and how to reach them. This node must be one of them. The other ones
        /// start with [`Join`](Self::Join), and the cluster has a leader once a majority is up.
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
    /// [`BootstrapMode::Fresh`] named no members.
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

    match mode {
        BootstrapMode::Fresh { initial_members } => {
            if initial_members.is_empty() {
                return Err(BootstrapError::NoInitialMembers);
            }
            raft.initialize(initial_members).await?;
            Ok(Bootstrapped::Initialized)
        }
        BootstrapMode::Reopen => match raft.is_initialized().await? {
            true => Ok(Bootstrapped::Resumed),
            false => Err(BootstrapError::NoExistingState),
        },
        BootstrapMode::Join => match raft.is_initialized().await? {
            true => Ok(Bootstrapped::Resumed),
            false => Ok(Bootstrapped::Joining),
        },
    }
}
