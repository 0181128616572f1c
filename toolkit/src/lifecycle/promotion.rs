//! Makes a learner a voter once it has caught up, in addition to the present voters or in place of one of them.

use std::time::Duration;

use openraft::alias::{LogIdOf, NodeIdOf};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ForwardReason, ForwardToLeader, LearnerNotFound};
use openraft::metrics::WaitError;
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{ChangeMembers, Instant, Raft, RaftMetrics, RaftTypeConfig};

use super::error::MembershipError;
use super::redirect::leader_of;

/// Makes learner `id` a voter once it lacks at most `max_lag` entries of the leader's log. Returns the log id of the
/// new membership.
///
/// A voter that lags can be worse than none. It counts for the majority, so if another voter is down, commits may wait
/// until the lagging voter has caught up. Choose a `max_lag` well above the number of entries that are in flight at any
/// moment, such as a thousand if writes are small. Under load, a `max_lag` of 0 may never be reached.
///
/// Make the node a learner first, with [`add_learner`](super::add_learner); the argument `blocking` may be false. The
/// call waits for the learner for at most `deadline`. Then it changes the membership like
/// [`change_membership`](super::change_membership), and waits until the change is committed, which `deadline` does not
/// bound. If `id` is a voter already, the call only completes a joint membership, if there is one.
///
/// # Errors
///
/// - [`MembershipError::Lagging`] if the learner still lacks more than `max_lag` entries after `deadline`. It stays a
///   learner, and keeps catching up.
/// - [`MembershipError::LearnerNotFound`] if node `id` is not in the cluster.
/// - [`MembershipError::NotLeader`] if this node does not lead, or ceases to lead while it waits.
/// - The errors of [`change_membership`](super::change_membership).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{MembershipError, add_learner, promote_learner};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn grow<C, SM>(raft: &Raft<C, SM>, id: C::NodeId, node: C::Node) -> Result<(), MembershipError<C>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     add_learner(raft, id.clone(), node, false).await?;
///     loop {
///         match promote_learner(raft, id.clone(), 1_000, Duration::from_secs(60)).await {
///             Err(MembershipError::Lagging { lag, .. }) => println!("node {id} has {lag} entries to go"),
///             other => return other.map(drop),
///         }
///     }
/// }
/// ```
pub async fn promote_learner<C, SM>(
    raft: &Raft<C, SM>,
    id: NodeIdOf<C>,
    max_lag: u64,
    deadline: Duration,
) -> Result<LogIdOf<C>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    caught_up(raft, &id, max_lag, deadline).await?;
    let committed = raft
        .change_membership(ChangeMembers::AddVoterIds([id].into()), true)
        .await?;
    Ok(committed.log_id)
}

/// Makes learner `new` a voter in place of voter `old`, in one change. Returns the log id of the new membership.
///
/// Use this function for a voter that is gone for good, for example because it lost its disk. The number of voters
/// stays the same, so the majority does not get larger while a voter is down.
///
/// `old` leaves the cluster, whether its process runs or not. It must not come back under the same id. A leader may
/// replace itself: it leads until the change is committed, and then steps down.
///
/// The call waits for `new` like [`promote_learner`]. If the change was interrupted, the same call completes it. If the
/// change is complete, the same call changes nothing.
///
/// # Errors
///
/// - [`MembershipError::VoterNotFound`] if `new` is a learner, and `old` is not a voter.
/// - [`MembershipError::ReplacedByItself`] if `old` and `new` are the same node.
/// - The errors of [`promote_learner`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{MembershipError, add_learner, replace_voter};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// /// `new` is the id of a node that was started with `Join`. The cluster has never had this id.
/// async fn replace<C, SM>(
///     raft: &Raft<C, SM>,
///     dead: C::NodeId,
///     new: C::NodeId,
///     node: C::Node,
/// ) -> Result<(), MembershipError<C>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     add_learner(raft, new.clone(), node, false).await?;
///     replace_voter(raft, dead, new, 1_000, Duration::from_secs(60)).await?;
///     Ok(())
/// }
/// ```
pub async fn replace_voter<C, SM>(
    raft: &Raft<C, SM>,
    old: NodeIdOf<C>,
    new: NodeIdOf<C>,
    max_lag: u64,
    deadline: Duration,
) -> Result<LogIdOf<C>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    if old == new {
        return Err(MembershipError::ReplacedByItself { node_id: old });
    }
    let standing = caught_up(raft, &new, max_lag, deadline).await?;
    if standing == Standing::Learner && standing_of(raft, &old).await? != Some(Standing::Voter) {
        return Err(MembershipError::VoterNotFound { node_id: old });
    }
    let one_change = ChangeMembers::Batch(vec![
        ChangeMembers::AddVoterIds([new].into()),
        ChangeMembers::RemoveVoters([old].into()),
    ]);
    let committed = raft.change_membership(one_change, false).await?;
    Ok(committed.log_id)
}

/// The role of a member in the effective membership.
#[derive(Clone, Copy, PartialEq)]
enum Standing {
    Learner,
    Voter,
}

/// Waits until node `id` is a voter, or a learner that lacks at most `max_lag` entries. Returns which of the two it is,
/// or [`MembershipError::Lagging`] if it is neither after `deadline`.
async fn caught_up<C, SM>(
    raft: &Raft<C, SM>,
    id: &NodeIdOf<C>,
    max_lag: u64,
    deadline: Duration,
) -> Result<Standing, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let started = C::now();
    loop {
        match standing_of(raft, id).await? {
            Some(Standing::Learner) => {}
            Some(Standing::Voter) => return Ok(Standing::Voter),
            None => {
                let source = LearnerNotFound { node_id: id.clone() };
                return Err(MembershipError::LearnerNotFound {
                    node_id: id.clone(),
                    source,
                });
            }
        }
        let left = deadline.saturating_sub(started.elapsed());
        let wait = raft.wait(Some(left));
        let near_or_gone = wait.metrics(
            |metrics| lag(metrics, id).is_none_or(|lag| lag <= max_lag),
            "the learner has caught up",
        );
        match near_or_gone.await {
            Ok(metrics) if lag(&metrics, id).is_some() => return Ok(Standing::Learner),
            // This node has stopped or does not lead, the learner was removed, or this node's metrics do not show the
            // replication to the learner yet. The next round reads raft's state, and returns the error or waits again.
            Ok(_) | Err(WaitError::ShuttingDown) => {}
            Err(WaitError::Timeout(..)) => {
                let metrics = raft.metrics().borrow_watched().clone();
                return Err(MembershipError::Lagging {
                    node_id: id.clone(),
                    lag: lag(&metrics, id).unwrap_or_default(),
                    max_lag,
                    deadline,
                });
            }
        }
    }
}

/// Returns the role of node `id` in the cluster, or `None` if the node is not a member.
///
/// Reads the state of raft itself, because the metrics lag behind. Returns an error if this node does not lead, because
/// the membership that this node knows may then be out of date.
async fn standing_of<C, SM>(raft: &Raft<C, SM>, id: &NodeIdOf<C>) -> Result<Option<Standing>, MembershipError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let id = id.clone();
    let standing = raft.with_raft_state(move |state| {
        let membership = state.membership_state.effective();
        let standing = membership.get_node(&id).map(|_| {
            let is_voter = membership.voter_ids().any(|voter| voter == id);
            if is_voter { Standing::Voter } else { Standing::Learner }
        });
        state.server_state.is_leader().then_some(standing)
    });
    match standing.await {
        Ok(Some(standing)) => Ok(standing),
        Ok(None) => {
            let metrics = raft.metrics().borrow_watched().clone();
            let leader_id = metrics.current_leader.filter(|leader| *leader != metrics.id);
            let membership = metrics.membership_config.membership();
            let source = ForwardToLeader {
                leader_node: leader_id.as_ref().and_then(|id| membership.get_node(id).cloned()),
                leader_id,
                reason: ForwardReason::NotLeader,
            };
            Err(MembershipError::NotLeader {
                leader: leader_of(&source),
                source,
            })
        }
        Err(source) => Err(MembershipError::Fatal { source }),
    }
}

/// Returns how many entries of this leader's log node `id` lacks, as far as this leader knows. Returns `None` if this
/// node does not lead, or does not replicate to `id`.
fn lag<C: RaftTypeConfig>(metrics: &RaftMetrics<C>, id: &NodeIdOf<C>) -> Option<u64> {
    let matching = metrics.replication.as_ref()?.get(id)?;
    let has = matching.as_ref().map_or(0, |log_id| log_id.index() + 1);
    let end = metrics.last_log_index.map_or(0, |index| index + 1);
    Some(end.saturating_sub(has))
}
