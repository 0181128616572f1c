use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which nodes reach which: the faults of a network, to be set and lifted while it is in use.
///
/// Two kinds of faults stand side by side, and lifting one never lifts the other. An isolated node
/// reaches nobody and is reached by nobody, until [`heal`](Self::heal). A cut edge stops messages
/// in one direction only, until [`restore_edge`](Self::restore_edge). Both are idempotent, and may
/// name nodes that do not exist yet.
///
/// An RPC needs the edge to its target when it is sent and the edge back when it is answered, so a
/// cut of the way back lets the request take effect, and loses the answer.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::PartitionController;
///
/// let partitions = PartitionController::new();
/// partitions.cut_edge(1, 2);
/// assert!(!partitions.is_reachable(1, 2));
/// assert!(partitions.is_reachable(2, 1));
///
/// partitions.isolate(1);
/// assert!(!partitions.is_reachable(2, 1));
///
/// partitions.heal(1);
/// assert!(partitions.is_reachable(2, 1));
/// assert!(!partitions.is_reachable(1, 2), "the edge is still cut");
/// ```
#[derive(Debug)]
pub struct PartitionController<NodeId> {
    faults: Mutex<Faults<NodeId>>,
}

#[derive(Debug)]
struct Faults<NodeId> {
    isolated: BTreeSet<NodeId>,
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl<NodeId: Ord> PartitionController<NodeId> {
    /// A network in which every node reaches every other.
    pub fn new() -> Self {
        Self {
            faults: Mutex::new(Faults {
                isolated: BTreeSet::new(),
                cut: BTreeSet::new(),
            }),
        }
    }

    /// Takes `node` off the network, in both directions.
    pub fn isolate(&self, node: NodeId) {
        self.faults().isolated.insert(node);
    }

    /// Undoes [`isolate`](Self::isolate). Edges that were cut stay cut.
    pub fn heal(&self, node: NodeId) {
        self.faults().isolated.remove(&node);
    }

    /// Stops what `from` sends to `to`. What `to` sends to `from` still arrives.
    pub fn cut_edge(&self, from: NodeId, to: NodeId) {
        self.faults().cut.insert((from, to));
    }

    /// Undoes [`cut_edge`](Self::cut_edge). A node that was isolated stays isolated.
    pub fn restore_edge(&self, from: NodeId, to: NodeId) {
        self.faults().cut.remove(&(from, to));
    }

    /// Whether what `from` sends to `to` arrives. A node always reaches itself.
    pub fn is_reachable(&self, from: NodeId, to: NodeId) -> bool {
        if from == to {
            return true;
        }
        let faults = self.faults();
        !faults.isolated.contains(&from) && !faults.isolated.contains(&to) && !faults.cut.contains(&(from, to))
    }

    /// A test that panicked with the lock held must not hide its message behind another one.
    fn faults(&self) -> MutexGuard<'_, Faults<NodeId>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<NodeId: Ord> Default for PartitionController<NodeId> {
    fn default() -> Self {
        Self::new()
    }
}
