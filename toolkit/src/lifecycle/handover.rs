//! Hands leadership over before a node stops.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use openraft::alias::{LeaderIdOf, NodeIdOf};
use openraft::async_runtime::WatchReceiver;
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{Instant, Raft, RaftMetrics, RaftTypeConfig};

/// The outcome of [`hand_over`]: what became of the leadership of a node that is about to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the outcome says whether the cluster has another leader"]
pub enum Handover<C: RaftTypeConfig> {
    /// Another node leads, and every write that this node accepted as the leader was either applied or dropped.
    HandedOver {
        /// The new leader.
        to: NodeIdOf<C>,
    },
    /// This node did not lead, or had stopped already, so there was nothing to hand over.
    NotLeader,
    /// This node is the only voter, so no other node can lead.
    OnlyVoter,
    /// No other voter took over, and no other voter has answered this node within the last lease
    /// ([`Config::election_timeout_max`](openraft::Config::election_timeout_max)): all of them have stopped, or this
    /// node is cut off. When a whole cluster shuts down, its last node gets this outcome.
    Unreachable,
    /// The deadline passed, or this node stopped, before the handover was complete. A handover is complete once another
    /// node leads, and every write that this node accepted is either applied or dropped. If a write is neither when the
    /// node stops, its caller gets an error.
    ///
    /// If no other node leads yet, the other voters elect a leader once this node has stopped, as they do after a
    /// crash.
    DeadlinePassed,
}

/// Hands leadership over to another voter, so that stopping this node does not interrupt the cluster.
///
/// The call picks the voter that has most of the log, among those that answered within the last lease if there are any,
/// and asks it to stand for election at once. Then the call waits until another node leads, and until every write that
/// this node accepted is either applied here or dropped.
///
/// If the voter does not take over, for example because it died or is cut off, the call picks the next one. After the
/// last voter, the call starts again with the first, as long as any of them has answered within the last lease.
/// `deadline` bounds the whole call.
///
/// During the call, this node refuses writes with an error that names the picked voter
/// ([`ForwardReason::LeadershipTransfer`](openraft::errors::ForwardReason::LeadershipTransfer)). Once that voter leads,
/// this node is a follower. Serve clients until the call returns, because the node redirects them. If the picked voter
/// takes over, no write fails that was accepted before.
///
/// **Call this function only if you stop the node next**, as [`graceful_shutdown`] does. Afterwards, the node does not
/// stand for election until you call [`runtime_config().elect(true)`](openraft::raft::RuntimeConfigHandle::elect). A
/// leader that has asked a voter to take over accepts no writes for as long as it leads, even if no voter takes over.
///
/// Your network must deliver the request for the transfer. On the sending side, implement
/// [`RaftNetworkV2::transfer_leader`](openraft::RaftNetworkV2::transfer_leader), whose default always fails. On the
/// receiving side, call [`Raft::handle_transfer_leader`](openraft::Raft::handle_transfer_leader).
///
/// The call uses [`Trigger::transfer_leader`](openraft::raft::trigger::Trigger::transfer_leader).
///
/// # Examples
///
/// A server stops accepting clients between the handover and the shutdown:
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{Handover, hand_over};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// # async fn stop_accepting_clients() {}
///
/// async fn stop<C: RaftTypeConfig, SM: RaftStateMachine<C>>(raft: &Raft<C, SM>) {
///     if let Handover::DeadlinePassed = hand_over(raft, Duration::from_secs(10)).await {
///         eprintln!("the others have to elect a leader by themselves");
///     }
///     stop_accepting_clients().await;
///     raft.shutdown().await.ok();
/// }
/// ```
pub async fn hand_over<C, SM>(raft: &Raft<C, SM>, deadline: Duration) -> Handover<C>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    raft.runtime_config().elect(false);
    match C::timeout(deadline, transfer(raft)).await {
        Ok(handover) => handover,
        Err(_) => Handover::DeadlinePassed,
    }
}

/// Hands leadership over like [`hand_over`], and then stops the node with
/// [`Raft::shutdown`](openraft::Raft::shutdown). This is one step of a rolling restart.
///
/// When the call returns, the node has stopped, whatever the outcome. The call takes at most `deadline` plus the time
/// of `Raft::shutdown`.
///
/// # Examples
///
/// Stops the node when the process is asked to end:
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{Handover, graceful_shutdown};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn on_sigterm<C: RaftTypeConfig, SM: RaftStateMachine<C>>(raft: &Raft<C, SM>) {
///     match graceful_shutdown(raft, Duration::from_secs(10)).await {
///         Handover::HandedOver { to } => println!("stopped, node {to} leads"),
///         Handover::DeadlinePassed => println!("stopped while leading: the others elect a leader"),
///         _ => println!("stopped"),
///     }
/// }
/// ```
pub async fn graceful_shutdown<C, SM>(raft: &Raft<C, SM>, deadline: Duration) -> Handover<C>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let handover = hand_over(raft, deadline).await;
    if let Err(error) = raft.shutdown().await {
        tracing::warn!(%error, "raft did not stop cleanly");
    }
    handover
}

/// Asks one of the other voters after another to take over, until another node leads, none of these voters answers, or
/// this node stops. The caller sets the deadline.
async fn transfer<C, SM>(raft: &Raft<C, SM>) -> Handover<C>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let lease = Duration::from_millis(raft.config().election_timeout_max);
    let mut led = None;
    let mut asked = BTreeSet::new();
    loop {
        let metrics = raft.metrics().borrow_watched().clone();
        if metrics.running_state.is_err() {
            return match led {
                Some(_) => Handover::DeadlinePassed,
                None => Handover::NotLeader,
            };
        }
        if metrics.state.is_leader() {
            let others = other_voters(&metrics, lease);
            if others.is_empty() {
                return Handover::OnlyVoter;
            }
            if led.is_some() && others.iter().all(|voter| !voter.alive) {
                return Handover::Unreachable;
            }
            if others.iter().all(|voter| asked.contains(&voter.id)) {
                asked.clear();
            }
            let next = others.into_iter().find(|voter| asked.insert(voter.id.clone()));
            let Some(Voter { id: to, .. }) = next else { continue };
            led = Some(LeaderIdOf::<C>::new(metrics.current_term, metrics.id.clone()).to_committed());
            // Ignore the error: it means that raft has stopped, and the next round reads that from the metrics.
            raft.trigger().transfer_leader(to).await.ok();
        }
        let Some(led) = &led else {
            return Handover::NotLeader;
        };

        // Wait for two leases: one for the voter to get the log, and one for its election. Once this node has applied
        // an entry of a later leader, every write that this node accepted is either applied or dropped.
        let wait = raft.wait(Some(lease * 2));
        let settled = wait.metrics(
            |m| {
                let applied = m.last_applied.as_ref().map(|log_id| log_id.committed_leader_id());
                let elsewhere = m.current_leader.as_ref().is_some_and(|leader| *leader != m.id);
                (elsewhere && applied > Some(led)) || m.running_state.is_err()
            },
            "another leader",
        );
        if let Ok(metrics) = settled.await
            && metrics.running_state.is_ok()
            && let Some(to) = metrics.current_leader
        {
            return Handover::HandedOver { to };
        }
    }
}

/// Another voter, which may take over.
struct Voter<NodeId> {
    id: NodeId,
    /// Whether the voter has answered within the last lease.
    alive: bool,
}

/// Returns the other voters, the most suitable first. All voters that are alive come before all voters that are not. In
/// each of these two groups, voters with more of the log come first.
fn other_voters<C: RaftTypeConfig>(metrics: &RaftMetrics<C>, lease: Duration) -> Vec<Voter<NodeIdOf<C>>> {
    let alive = |id: &NodeIdOf<C>| {
        let acknowledged = metrics.heartbeat.as_ref().and_then(|acks| *acks.get(id)?);
        acknowledged.is_some_and(|at| at.elapsed() < lease)
    };
    let matching = |id: &NodeIdOf<C>| {
        metrics
            .replication
            .as_ref()
            .and_then(|matching| matching.get(id)?.clone())
    };

    let voters = metrics.membership_config.membership().voter_ids();
    let others = voters.filter(|id| *id != metrics.id);
    let mut others: Vec<_> = others.map(|id| Voter { alive: alive(&id), id }).collect();
    others.sort_by_key(|voter| Reverse((voter.alive, matching(&voter.id))));
    others
}
