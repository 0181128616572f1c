//! Which nodes are up: one ping to each node stands for the heartbeats of all groups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::connection::Connection;
use crate::rpc::{Ping, Pong};
use crate::types::NodeId;

#[derive(Clone)]
pub struct Liveness {
    /// As often as a group's heartbeats would come.
    interval: Duration,
    /// A node that has not answered for so long is down: as long as a follower waits for its leader.
    patience: Duration,
    nodes: Arc<Mutex<HashMap<NodeId, Node>>>,
}

/// A node as it answered last.
#[derive(Clone, Copy)]
struct Node {
    incarnation: u64,
    /// When this incarnation answered first.
    since: Instant,
    heard: Instant,
}

impl Liveness {
    pub fn new(interval: Duration, patience: Duration) -> Self {
        Self {
            interval,
            patience,
            nodes: Arc::default(),
        }
    }

    /// The incarnation of a node, and since when it is known; `None` where the node is down. A process that
    /// was restarted is another incarnation, even if nobody noticed that it was down.
    pub fn of(&self, node: NodeId) -> Option<(u64, Instant)> {
        let node = *self.nodes().get(&node)?;
        (node.heard.elapsed() < self.patience).then_some((node.incarnation, node.since))
    }

    /// Pings a node from now on.
    pub fn watch(&self, id: NodeId, connection: Connection) {
        let this = self.clone();
        tokio::spawn(async move {
            let mut ticks = interval(this.interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Ok(Ok(pong)) = timeout(this.patience, connection.call(0, &Ping {})).await {
                    this.heard(id, pong);
                }
            }
        });
    }

    /// Notes an answer.
    pub fn heard(&self, id: NodeId, Pong { incarnation }: Pong) {
        let now = Instant::now();
        let mut nodes = self.nodes();
        let since = match nodes.get(&id) {
            Some(node) if node.incarnation == incarnation => node.since,
            _ => now,
        };
        let heard = now;
        nodes.insert(
            id,
            Node {
                incarnation,
                since,
                heard,
            },
        );
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<NodeId, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
