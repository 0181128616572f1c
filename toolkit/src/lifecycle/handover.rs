use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use openraft::alias::{LeaderIdOf, NodeIdOf};
use openraft::async_runtime::WatchReceiver;
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{Instant, Raft, RaftMetrics, RaftTypeConfig};

/// What became of the leadership of a node that is to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether the cluster has another leader"]
pub enum Handover<C: RaftTypeConfig> {
    /// Another node leads, and every write that this node accepted as the leader has its outcome.
    HandedOver {
        /// The leader.
        to: NodeIdOf<C>,
    },
    /// This node did not lead, so that there was nothing to hand over.
    NotLeader,
    /// This node is the only voter, so that there is nobody to hand over to.
    OnlyVoter,
    /// No other voter took over, and none has answered this node within the last lease
    /// ([`Config::election_timeout_max`](openraft::Config::election_timeout_max)): all of them have stopped, or this node is cut off.
    /// That is how it is on the last node of a cluster that is shut down as a whole.
    Unreachable,
    /// The time was not enough. No voter could be made the leader, or writes that this node accepted
    /// are without their outcome, which their callers learn when it stops.
    ///
    /// Once the node has stopped, the others elect a leader as they do after a crash.
    DeadlinePassed,
}

/// Hands leadership over to another voter, so that this node can be stopped without anyone noticing.
///
/// It picks the voter that has most of the log, among those that answered within the last lease, and
/// asks it to stand for election at once. It waits until another node leads, and until the
/// writes that this node had accepted are applied here, which answers them. Where the chosen voter
/// does not take over, for it died or is cut off, it picks the next one, and begins again with the
/// first one when all were asked, as long as one of them answers at all, for at most `deadline`
/// altogether.
///
/// Meanwhile the node refuses writes, naming the one that it hands over to
/// ([`ForwardReason::LeadershipTransfer`](openraft::errors::ForwardReason::LeadershipTransfer)), and
/// goes on as a follower once that leads. Serve clients until this returns: they are redirected, and no
/// write fails otherwise.
///
/// **Call it only to stop the node next**, as [`graceful_shutdown`] does. The node does not stand for
/// election any more, until
/// [`runtime_config().elect(true)`](openraft::raft::RuntimeConfigHandle::elect); and a leader that
/// could not hand over accepts no writes, as long as it leads.
///
/// The network must deliver the transfer: on the sending side
/// [`RaftNetworkV2::transfer_leader`](openraft::RaftNetworkV2::transfer_leader), which has an
/// implementation that always fails, and on the other
/// [`Raft::handle_transfer_leader`](openraft::Raft::handle_transfer_leader).
///
/// It rests on [`Trigger::transfer_leader`](openraft::raft::trigger::Trigger::transfer_leader).
///
/// # Examples
///
/// In a server that has something to do between the two steps:
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

/// [`hand_over`], and then [`Raft::shutdown`](openraft::Raft::shutdown): a step of a rolling restart.
///
/// The node has stopped when this returns, whatever it returns, after `deadline` and what
/// `Raft::shutdown` takes.
///
/// # Examples
///
/// When the process is asked to end:
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
            // Where raft has stopped, the metrics say so.
            raft.trigger().transfer_leader(to).await.ok();
        }
        let Some(led) = &led else {
            return Handover::NotLeader;
        };

        // As long as a voter takes to have the log, and then to be elected. Once a leader of a later
        // term has its first entry applied here, what this node accepted is applied or dropped.
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

struct Voter<NodeId> {
    id: NodeId,
    /// Whether it has answered within the last lease.
    alive: bool,
}

/// The other voters, first the one that needs least to take over.
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
