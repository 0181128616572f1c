//! Finds out which nodes are up. One ping to a node replaces the heartbeats of all its groups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::connection::Connection;
use crate::rpc::{Ping, Pong};
use crate::types::NodeId;

#[derive(Clone)]
pub struct Liveness {
    /// The time between two pings. It is the same as the time between two heartbeats of a group.
    interval: Duration,
    /// A node that has not answered for this long counts as down. It is the time that a follower waits for its leader.
    patience: Duration,
    nodes: Arc<Mutex<HashMap<NodeId, Node>>>,
}

/// What the last answer of a node showed.
#[derive(Clone, Copy)]
struct Node {
    incarnation: u64,
    /// When this incarnation answered for the first time.
    since: Instant,
    /// When this incarnation answered last.
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

    /// Returns the incarnation of a node, and when this incarnation answered first; `None` if the node is down. A
    /// restarted process is another incarnation, even if no ping failed while it was down.
    pub fn of(&self, node: NodeId) -> Option<(u64, Instant)> {
        let node = *self.nodes().get(&node)?;
        (node.heard.elapsed() < self.patience).then_some((node.incarnation, node.since))
    }

    /// Starts to ping a node.
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

    /// Records the answer of a node.
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
