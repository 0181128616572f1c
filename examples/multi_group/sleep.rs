//! Puts idle groups to sleep. A sleeping group sends no heartbeats and has no timers. Ten thousand idle groups that do
//! not sleep keep the CPU busy with heartbeats and timers.
//!
//! openraft's timer, the tick, makes a leader send heartbeats and a follower stand for election. Everything else works
//! without the tick: writes, replication, retries, membership changes. The leader of an idle group thus needs no tick.
//! A follower needs no tick while the node of its leader is up. [`Liveness`] finds out for all groups at once which
//! nodes are up.
//!
//! A sleeping group is as safe as any other group: timers decide when an election is held, but never who may win.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use tokio::time::sleep;

use crate::liveness::Liveness;
use crate::node::{Group, Node};
use crate::types::{GroupId, LogId, NodeId, Raft};

/// The time between two checks of all groups.
const SWEEP: Duration = Duration::from_millis(250);

/// Stops and starts the timers of all groups. Never returns.
pub async fn run(node: &Node, liveness: &Liveness, idle_after: Duration) {
    let mut seen: HashMap<GroupId, Seen> = HashMap::new();
    loop {
        sleep(SWEEP).await;
        let look_at = |(id, group): (GroupId, Group)| {
            let now = Seen::after(seen.remove(&id), View::of(&group.raft), liveness);
            group.set_asleep(!now.needs_ticks(liveness, idle_after));
            (id, now)
        };
        seen = node.groups().into_iter().map(look_at).collect();
    }
}

/// The part of a group's state that decides whether it may sleep.
#[derive(PartialEq)]
struct View {
    role: Role,
    term: u64,
    last_log: Option<u64>,
    membership: Option<LogId>,
    others: Vec<NodeId>,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Leader,
    FollowerOf(NodeId),
    WithoutLeader,
}

impl View {
    fn of(raft: &Raft) -> Self {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let is_voter = |id: &NodeId| metrics.membership_config.voter_ids().any(|voter| voter == *id);
        let role = match metrics.current_leader {
            _ if metrics.state.is_leader() => Role::Leader,
            // openraft may name this node itself, if it led before its restart, or a leader that has left the group.
            Some(leader) if leader != metrics.id && is_voter(&leader) => Role::FollowerOf(leader),
            _ => Role::WithoutLeader,
        };
        let members = metrics.membership_config.membership().nodes();
        Self {
            role,
            term: metrics.current_term,
            last_log: metrics.last_log_index,
            membership: *metrics.membership_config.log_id(),
            others: members.map(|(id, _)| *id).filter(|id| *id != metrics.id).collect(),
        }
    }
}

/// The result of the last check of a group, and what is remembered of earlier checks.
struct Seen {
    view: View,
    /// When the view last changed.
    changed: Instant,
    /// The incarnation that the leader's node had when it was first seen up in this term.
    leader: Option<u64>,
}

impl Seen {
    fn after(before: Option<Self>, view: View, liveness: &Liveness) -> Self {
        let before = before.as_ref();
        let changed = before.filter(|seen| seen.view == view).map(|seen| seen.changed);
        let leader = match view.role {
            Role::FollowerOf(leader) => before
                .filter(|seen| (seen.view.role, seen.view.term) == (view.role, view.term))
                .and_then(|seen| seen.leader)
                .or_else(|| liveness.of(leader).map(|(incarnation, _)| incarnation)),
            Role::Leader | Role::WithoutLeader => None,
        };
        Self {
            changed: changed.unwrap_or_else(Instant::now),
            leader,
            view,
        }
    }

    fn needs_ticks(&self, liveness: &Liveness, idle_after: Duration) -> bool {
        match self.view.role {
            Role::WithoutLeader => true,
            // If the leader's process was restarted, it no longer leads.
            Role::FollowerOf(leader) => match liveness.of(leader) {
                Some((incarnation, _)) => self.leader != Some(incarnation),
                None => true,
            },
            // Stay awake if another node has just come up: that node must hear from its leader before it stands for
            // election.
            Role::Leader => {
                let came_up = |id: &NodeId| liveness.of(*id).is_some_and(|(_, since)| since.elapsed() < idle_after);
                self.changed.elapsed() < idle_after || self.view.others.iter().any(came_up)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Pong;

    const PATIENCE: Duration = Duration::from_secs(60);
    const IDLE_AFTER: Duration = Duration::from_millis(1);

    fn liveness() -> Liveness {
        Liveness::new(PATIENCE, PATIENCE)
    }

    fn view(role: Role, last_log: u64) -> View {
        View {
            role,
            term: 1,
            last_log: Some(last_log),
            membership: None,
            others: vec![2, 3],
        }
    }

    #[test]
    fn a_group_without_a_leader_stays_awake() {
        let seen = Seen::after(None, view(Role::WithoutLeader, 1), &liveness());
        std::thread::sleep(IDLE_AFTER);
        assert!(seen.needs_ticks(&liveness(), IDLE_AFTER));
    }

    #[test]
    fn a_follower_sleeps_while_the_process_that_was_elected_is_up() {
        let nodes = liveness();
        let follower = || view(Role::FollowerOf(2), 1);
        let seen = Seen::after(None, follower(), &nodes);
        assert!(
            seen.needs_ticks(&nodes, IDLE_AFTER),
            "nothing was heard from the leader's node yet"
        );

        nodes.heard(2, Pong { incarnation: 7 });
        let seen = Seen::after(Some(seen), follower(), &nodes);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER));

        nodes.heard(2, Pong { incarnation: 8 });
        let seen = Seen::after(Some(seen), follower(), &nodes);
        assert!(
            seen.needs_ticks(&nodes, IDLE_AFTER),
            "its process was restarted and no longer leads"
        );

        let elected = View { term: 2, ..follower() };
        let seen = Seen::after(Some(seen), elected, &nodes);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER), "node 2 was elected again");
        assert!(
            seen.needs_ticks(&Liveness::new(PATIENCE, Duration::ZERO), IDLE_AFTER),
            "node 2 is down"
        );
    }

    #[test]
    fn a_leader_sleeps_when_its_group_is_idle_and_no_member_has_just_come_up() {
        let nodes = liveness();
        let seen = Seen::after(None, view(Role::Leader, 1), &nodes);
        assert!(seen.needs_ticks(&nodes, PATIENCE));
        std::thread::sleep(IDLE_AFTER);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER));

        let seen = Seen::after(Some(seen), view(Role::Leader, 2), &nodes);
        assert!(seen.needs_ticks(&nodes, PATIENCE), "somebody wrote");

        nodes.heard(3, Pong { incarnation: 1 });
        std::thread::sleep(IDLE_AFTER);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER));
        nodes.heard(3, Pong { incarnation: 2 });
        assert!(seen.needs_ticks(&nodes, PATIENCE), "a member came up");
    }
}
