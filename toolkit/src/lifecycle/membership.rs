use std::collections::BTreeSet;
use std::time::Duration;

use openraft::alias::{ChangeMembershipErrorOf, InProgressOf, LogIdOf, NodeIdOf, NodeOf};
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, EmptyMembership, Fatal, ForwardToLeader, LearnerNotFound,
    PreconditionFailed, RaftError,
};
use openraft::storage::RaftStateMachine;
use openraft::{ChangeMembers, Raft, RaftTypeConfig};

use super::redirect::{leader_of, redirect};
use crate::codec::WriteVersion;

/// Why the membership did not change.
///
/// It converts from the error of openraft's own calls, so that code that makes those, such as
/// [`Raft::change_membership_if`](openraft::Raft::change_membership_if), can match on it too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError<C: RaftTypeConfig> {
    /// This node does not lead, has lost touch with the majority, or hands leadership over.
    ///
    /// Of a [`change_membership`] that was under way its first step may stay, which the same call
    /// on the leader completes.
    #[error("this node is not the leader; help: {}", redirect(.leader))]
    NotLeader {
        /// Where to send the change to: the leader, or the node that is about to be it. `None`
        /// where none is known, which an election will change.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// An earlier change is not committed yet.
    #[error("a membership change is in progress; help: try again once it is committed")]
    InProgress {
        /// openraft's error, with the log id of that change.
        source: InProgressOf<C>,
    },
    /// A voter was asked for that is not even a learner.
    #[error("node {node_id} is not in the cluster; help: bring it in with `add_learner` before making it a voter")]
    LearnerNotFound {
        /// The missing node.
        node_id: NodeIdOf<C>,
        /// openraft's error.
        source: LearnerNotFound<NodeIdOf<C>>,
    },
    /// The learner has not caught up before the deadline.
    /// [`promote_learner`](super::promote_learner) and [`replace_voter`](super::replace_voter) give this.
    ///
    /// It stays a learner, and goes on catching up.
    #[error(
        "node {node_id} was {lag} entries behind after {deadline:?}, and {max_lag} are allowed; \
         help: check that it is up and reachable, and ask again"
    )]
    Lagging {
        /// The learner.
        node_id: NodeIdOf<C>,
        /// How many entries of the leader's log it is not known to have.
        lag: u64,
        /// How many it may lack.
        max_lag: u64,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// The node that is to be replaced has no vote. [`replace_voter`](super::replace_voter) gives this.
    #[error("node {node_id} is not a voter, it cannot be replaced as one; help: to add a voter, use `promote_learner`")]
    VoterNotFound {
        /// The node that is no voter.
        node_id: NodeIdOf<C>,
    },
    /// A voter is to be replaced by itself. [`replace_voter`](super::replace_voter) gives this.
    #[error(
        "node {node_id} cannot be replaced by itself; help: a voter that lost its disk must come back under an id that the cluster has never had"
    )]
    ReplacedByItself {
        /// The voter.
        node_id: NodeIdOf<C>,
    },
    /// No voters would be left.
    #[error("the set of voters is empty; help: name at least one voter")]
    EmptyVoters {
        /// openraft's error.
        source: EmptyMembership,
    },
    /// Another change came between the two steps of this one.
    ///
    /// The voters are those of neither the old nor the new set alone until the other change, or a
    /// repetition of this one, is done.
    #[error("another membership change overtook this one; help: look at the membership, then decide again")]
    Overtaken {
        /// openraft's error.
        source: PreconditionFailed<C>,
    },
    /// The leader changed while the change was being replicated, which may or may not commit.
    #[error("leadership was lost before the change was committed, its outcome is unknown; help: {}, and look at the membership there", redirect(.leader))]
    OutcomeUnknown {
        /// The new leader, where it is known.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// The node's release does not read what the cluster writes. [`add_learner_checked`] gives this.
    #[error(
        "node {node_id} reads versions up to {newest}, and the cluster writes at level {level}; \
         help: start it with a newer release{}",
        if .not_removed.is_some() { ", or remove it: it is a learner by now" } else { ", then add it" }
    )]
    TooOld {
        /// The node that is too old.
        node_id: NodeIdOf<C>,
        /// The newest level that its release reads.
        newest: u8,
        /// The level of the cluster.
        level: u8,
        /// Where the level was raised in the meantime: why the node, by then a learner, could not be
        /// removed again.
        not_removed: Option<Box<MembershipError<C>>>,
    },
    /// The change is against a rule of [`Raft::append_membership`](openraft::Raft::append_membership).
    ///
    /// [`change_membership`] and [`add_learner`] never give this: they take the steps between.
    #[error("the change cannot be made in one step; help: use `change_membership`, which makes it in two")]
    Rejected {
        /// openraft's error, which names the rule.
        source: ChangeMembershipErrorOf<C>,
    },
    /// The node has stopped.
    #[error("the node has stopped; help: see the cause, and send the change to another node")]
    Fatal {
        /// Why it stopped.
        source: Fatal<C>,
    },
}

impl<C: RaftTypeConfig> From<RaftError<C, ClientWriteError<C>>> for MembershipError<C> {
    fn from(error: RaftError<C, ClientWriteError<C>>) -> Self {
        match error {
            RaftError::APIError(error) => error.into(),
            RaftError::Fatal(source) => Self::Fatal { source },
        }
    }
}

impl<C: RaftTypeConfig> From<ClientWriteError<C>> for MembershipError<C> {
    fn from(error: ClientWriteError<C>) -> Self {
        match error {
            ClientWriteError::ForwardToLeader(source) => Self::NotLeader {
                leader: leader_of(&source),
                source,
            },
            ClientWriteError::LogEntryDiscarded(source) => Self::OutcomeUnknown {
                leader: leader_of(&source),
                source,
            },
            ClientWriteError::ChangeMembershipError(error) => error.into(),
            ClientWriteError::PreconditionFailed(source) => Self::Overtaken { source },
        }
    }
}

impl<C: RaftTypeConfig> From<ChangeMembershipErrorOf<C>> for MembershipError<C> {
    fn from(error: ChangeMembershipErrorOf<C>) -> Self {
        match error {
            ChangeMembershipError::InProgress(source) => Self::InProgress { source },
            ChangeMembershipError::EmptyMembership(source) => Self::EmptyVoters { source },
            ChangeMembershipError::LearnerNotFound(source) => Self::LearnerNotFound {
                node_id: source.node_id.clone(),
                source,
            },
            source @ (ChangeMembershipError::UnsupportedMembershipTransition(_)
            | ChangeMembershipError::UncommittedLeaderLog(_)
            | ChangeMembershipError::NodeMetadataChanged(_)) => Self::Rejected { source },
        }
    }
}

/// Makes `voters` the voters of the cluster, and returns the log id of the membership.
///
/// Every new voter must be a learner first: see [`add_learner`]. A voter that is left out becomes a
/// learner where `retain` is true, and leaves the cluster otherwise; learners stay either way. A
/// leader may leave itself out: it leads until the change is committed, and then steps down.
///
/// Where the sets differ this takes two steps, joint consensus: a membership in which both the old
/// and the new majority must agree, then the new one alone. Both are committed when this returns.
/// It waits as long as that takes, which without a majority is for ever: bound it with a timeout.
/// If it is interrupted between the two, by an error or by dropping the future, the cluster works
/// on in the joint membership; the same call again, on whichever node leads, completes it.
///
/// It rests on [`Raft::change_membership`](openraft::Raft::change_membership).
///
/// # Errors
///
/// Each variant of [`MembershipError`] says what to do.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{MembershipError, add_learner, change_membership};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// /// Adds a voter. On an error that names a node, the caller repeats the request there.
/// async fn add_voter<C, SM>(raft: &Raft<C, SM>, id: C::NodeId, node: C::Node) -> Result<(), MembershipError<C>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     add_learner(raft, id.clone(), node, true).await?;
///     let voters = raft.voter_ids().chain([id]).collect();
///     change_membership(raft, voters, false).await?;
///     Ok(())
/// }
///
/// fn redirect<C: RaftTypeConfig>(error: &MembershipError<C>) -> Option<&C::Node> {
///     match error {
///         MembershipError::NotLeader { leader: Some((_, node)), .. } => Some(node),
///         _ => None,
///     }
/// }
/// ```
pub async fn change_membership<C, SM>(
    raft: &Raft<C, SM>,
    voters: BTreeSet<NodeIdOf<C>>,
    retain: bool,
) -> Result<LogIdOf<C>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let committed = raft.change_membership(voters, retain).await?;
    Ok(committed.log_id)
}

/// Adds node `id` to the cluster as a learner, and returns the log id of the membership.
///
/// A learner receives the log, or a snapshot first, and has no vote. `node` is how the others reach
/// it. Of an id that is a member already nothing changes, its `node` neither.
///
/// With `blocking`, this returns once the learner's log is within
/// [`Config::replication_lag_threshold`](openraft::Config::replication_lag_threshold) entries of
/// the leader's, so that making it a voter does not hold up commits. It stops waiting early if this
/// node ceases to lead or the learner is removed, and it waits for a learner that is down as long
/// as it is down: bound it with a timeout. The learner stays a member when the future is dropped.
///
/// It rests on [`Raft::add_learner`](openraft::Raft::add_learner).
///
/// # Errors
///
/// Each variant of [`MembershipError`] says what to do.
///
/// # Examples
///
/// See [`change_membership`].
pub async fn add_learner<C, SM>(
    raft: &Raft<C, SM>,
    id: NodeIdOf<C>,
    node: NodeOf<C>,
    blocking: bool,
) -> Result<LogIdOf<C>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let committed = raft.add_learner(id, node, blocking).await?;
    Ok(committed.log_id)
}

/// As [`add_learner`], but refuses a node whose release is too old to read what the cluster writes.
///
/// `level` is the cell of this node, and `newest` the newest level that the release of node `id` reads,
/// as that node answers when it is asked over the application's network. A node that is too old gets
/// nothing by being a learner: it refuses the first entry or snapshot that it cannot read, again and
/// again.
///
/// # A level that is raised meanwhile
///
/// This looks at the level twice: before the learner is proposed, and once it is committed and applied,
/// when this node's cell is at what was raised before it in the log. If the node turns out to be too
/// old only then, it is removed again, unless it was a member before.
///
/// A level that is raised after it in the log is up to the one who raises it, and who asks all
/// members, learners included, whether they are new enough. A member that is added between that
/// question and the command would be missed. So let the command name the members that were asked, and
/// the state machine ignore it where those are no longer the members: all nodes come to the same answer,
/// as they apply the command after the same memberships.
///
/// With `blocking`, the membership is committed a second time once all that is settled.
///
/// # Errors
///
/// [`MembershipError::TooOld`], and those of [`add_learner`].
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{MembershipError, add_learner_checked};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// use openraft_toolkit::{WireMessage, WriteVersion};
///
/// /// What a node answers when it is asked about its release.
/// #[derive(WireMessage)]
/// #[wire(version = 1)]
/// struct Release {
///     newest_level: u8,
/// }
///
/// async fn admit<C, SM>(
///     raft: &Raft<C, SM>,
///     id: C::NodeId,
///     node: C::Node,
///     level: &WriteVersion,
///     candidate: Release,
/// ) -> Result<(), MembershipError<C>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     add_learner_checked(raft, id, node, true, level, candidate.newest_level).await?;
///     Ok(())
/// }
/// ```
pub async fn add_learner_checked<C, SM>(
    raft: &Raft<C, SM>,
    id: NodeIdOf<C>,
    node: NodeOf<C>,
    blocking: bool,
    level: &WriteVersion,
    newest: u8,
) -> Result<LogIdOf<C>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let too_old = |not_removed| MembershipError::TooOld {
        node_id: id.clone(),
        newest,
        level: level.get(),
        not_removed,
    };
    if level.get() > newest {
        return Err(too_old(None));
    }
    let was_member = is_member(raft, id.clone()).await?;
    // Without waiting for it: if it is too old, it will never catch up.
    let log_id = add_learner(raft, id.clone(), node.clone(), false).await?;
    if level.get() > newest {
        let removed = match was_member {
            true => Ok(()),
            false => remove_learner(raft, id.clone()).await,
        };
        return Err(too_old(removed.err().map(Box::new)));
    }
    if blocking {
        return add_learner(raft, id, node, true).await;
    }
    Ok(log_id)
}

/// Asks raft itself, because the metrics lag behind it.
async fn is_member<C, SM>(raft: &Raft<C, SM>, id: NodeIdOf<C>) -> Result<bool, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    raft.with_raft_state(move |state| state.membership_state.effective().get_node(&id).is_some())
        .await
        .map_err(|source| MembershipError::Fatal { source })
}

async fn remove_learner<C, SM>(raft: &Raft<C, SM>, id: NodeIdOf<C>) -> Result<(), MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    raft.change_membership(ChangeMembers::RemoveNodes([id].into()), true)
        .await?;
    Ok(())
}
