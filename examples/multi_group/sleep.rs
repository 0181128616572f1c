//! Idle groups sleep: without it, ten thousand idle groups send heartbeats and wake up for their timers all
//! the time.
//!
//! openraft's timer, the tick, makes a leader send heartbeats and a follower stand for election. Everything
//! else goes on without it: writes, replication, retries, membership changes. So a leader whose group is idle
//! needs no tick, and a follower needs none while its leader's node is up, which [`Liveness`] tells for all
//! groups at once.
//!
//! A group is as safe asleep as awake: timers are about when an election is held, never about who may win
//! it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use tokio::time::sleep;

use crate::liveness::Liveness;
use crate::node::{Group, Node};
use crate::types::{GroupId, LogId, NodeId, Raft};

/// How often all groups are looked at.
const SWEEP: Duration = Duration::from_millis(250);

/// Stops and starts the timers of all groups, for ever.
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

/// What matters of a group's state.
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
            // After a restart, openraft may name this node, which was it; and it names a leader that has left.
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

struct Seen {
    view: View,
    /// When the view changed last.
    changed: Instant,
    /// The incarnation of the leader's node, from when it was first seen up as the leader in this term.
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
            // A process that was restarted does not lead any more.
            Role::FollowerOf(leader) => match liveness.of(leader) {
                Some((incarnation, _)) => self.leader != Some(incarnation),
                None => true,
            },
            // A node that has come up must hear of its leader before it stands for election.
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
            "the leader's node has not been heard of"
        );

        nodes.heard(2, Pong { incarnation: 7 });
        let seen = Seen::after(Some(seen), follower(), &nodes);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER));

        nodes.heard(2, Pong { incarnation: 8 });
        let seen = Seen::after(Some(seen), follower(), &nodes);
        assert!(
            seen.needs_ticks(&nodes, IDLE_AFTER),
            "it was restarted, and leads no more"
        );

        let elected = View { term: 2, ..follower() };
        let seen = Seen::after(Some(seen), elected, &nodes);
        assert!(!seen.needs_ticks(&nodes, IDLE_AFTER), "it was elected again");
        assert!(
            seen.needs_ticks(&Liveness::new(PATIENCE, Duration::ZERO), IDLE_AFTER),
            "it is down"
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
