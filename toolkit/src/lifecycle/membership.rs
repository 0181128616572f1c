//! Adds learners, and changes the voters.

use std::collections::BTreeSet;

use openraft::alias::{LogIdOf, NodeIdOf, NodeOf};
use openraft::storage::RaftStateMachine;
use openraft::{ChangeMembers, Raft, RaftTypeConfig};

use super::error::MembershipError;
use crate::codec::WriteVersion;

/// Makes `voters` the voters of the cluster, and returns the log id of the new membership.
///
/// Every new voter must be a learner first: see [`add_learner`]. A voter that is left out becomes a learner if `retain`
/// is true, and leaves the cluster otherwise. Learners that are not in `voters` stay learners in both cases. A leader
/// may leave itself out: it leads until the change is committed, and then steps down.
///
/// If `voters` are not the present voters, the change takes the two steps of joint consensus: first a joint membership,
/// which needs both a majority of the old voters and a majority of the new voters, and then the new voters alone. Both
/// steps are committed when the call returns `Ok`. If the majority is lost during a step, the call waits until there is
/// one again: bound it with a timeout.
///
/// An error or a dropped future may interrupt the change between its steps. The cluster then keeps working in the joint
/// membership. The same call completes the change, on whichever node leads then.
///
/// The call uses [`Raft::change_membership`](openraft::Raft::change_membership).
///
/// # Errors
///
/// Each variant of [`MembershipError`] says when it occurs, and has a message that says what to do.
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

/// Adds node `id` to the cluster as a learner, and returns the log id of the new membership.
///
/// A learner receives the log, if necessary after a snapshot, and has no vote. `node` tells the other nodes how to
/// reach the learner. If `id` is already a member, nothing changes, and its `node` stays as it is.
///
/// With `blocking`, the call returns once the learner's log is within
/// [`Config::replication_lag_threshold`](openraft::Config::replication_lag_threshold) entries of the leader's log. The
/// learner can then become a voter without holding up commits for long. If this node ceases to lead or stops, or the
/// learner is removed, the call returns `Ok` although the learner has not caught up. While the learner is down, the
/// call waits: bound it with a timeout. If the future is dropped during this wait, the learner stays a member.
///
/// The call uses [`Raft::add_learner`](openraft::Raft::add_learner).
///
/// # Errors
///
/// Each variant of [`MembershipError`] says when it occurs, and has a message that says what to do.
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

/// Adds a learner like [`add_learner`], but refuses a node whose release is too old to read what the cluster writes.
///
/// `level` is the level at which this node writes. `newest` is the newest level that the release of node `id` reads;
/// ask that node for it, over the application's network. A node that is too old is useless as a learner: it refuses the
/// first entry or snapshot that it cannot read, again and again.
///
/// # If the level is raised meanwhile
///
/// The call checks `level` twice: before it proposes the learner, and after the learner is committed and applied. The
/// second check sees every raise that comes before the learner in the log, because this node has applied the raise by
/// then. If only the second check finds that the node is too old, the call removes the node again, unless it was a
/// member before.
///
/// The call cannot see a raise that comes after the learner in the log. The code that raises the level must cover this
/// case. Usually it asks all members, including learners, whether they are new enough, and then proposes the command
/// that raises the level. It would miss a member that is added between the question and the command. So let the command
/// name the members that were asked, and let the state machine ignore the command if the members are different by then.
/// All nodes decide alike, because they apply the command after the same memberships.
///
/// With `blocking`, the call adds the learner a second time after these checks, to wait until the learner has caught
/// up. So the same membership is committed a second time.
///
/// # Errors
///
/// - [`MembershipError::TooOld`] if `level` is above `newest` in one of the two checks.
/// - The errors of [`add_learner`].
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{MembershipError, add_learner_checked};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// use openraft_toolkit::{WireMessage, WriteVersion};
///
/// /// What a node answers when another node asks about its release.
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
    // Do not wait until the learner has caught up: a node that is too old never catches up.
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

/// Returns whether node `id` is a member. Reads the state of raft itself, because the metrics lag behind.
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
