//! Which nodes reach which, and which messages are lost when that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use crate::support::lock::lock;

/// The partitions of a network: which nodes reach which. A test changes them while the network is in use.
///
/// There are two kinds of partitions, and lifting one kind never lifts the other:
///
/// - An isolated node reaches no other node and is reached by none, from [`isolate`](Self::isolate) until
///   [`heal`](Self::heal).
/// - A cut edge stops messages in one direction, from [`cut_edge`](Self::cut_edge) until
///   [`restore_edge`](Self::restore_edge).
///
/// These four methods are idempotent, and accept nodes that do not exist yet. [`partition`](Self::partition) and
/// [`ring`](Self::ring) cut many edges at once, and [`heal_all`](Self::heal_all) lifts everything.
///
/// A request needs the edge to its target while it is under way, and the answer needs the edge back. So if only the
/// edge back is cut, the request takes effect, but its answer is lost. A message that is under way when its edge is cut
/// is lost, even if the edge is restored before the message would have arrived.
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
    isolated: BTreeMap<NodeId, Fault>,
    cut: BTreeMap<(NodeId, NodeId), Fault>,
    /// The number of faults that were set so far. If a message keeps the number from when it left, a comparison shows
    /// whether a fault was set since.
    now: Moment,
}

/// A fault that is active, or was active. A lifted fault is kept, because messages that were under way when it was set
/// are lost.
#[derive(Debug)]
struct Fault {
    active: bool,
    set_at: Moment,
}

/// A point in the sequence of faults.
pub(super) type Moment = u64;

impl<NodeId: Ord> PartitionController<NodeId> {
    /// Returns a controller without any partition: every node reaches every other node.
    pub fn new() -> Self {
        Self {
            faults: Mutex::new(Faults {
                isolated: BTreeMap::new(),
                cut: BTreeMap::new(),
                now: 0,
            }),
        }
    }

    /// Isolates `node`: it reaches no other node, and no other node reaches it.
    pub fn isolate(&self, node: NodeId) {
        let mut faults = self.faults();
        let fault = faults.next();
        faults.isolated.insert(node, fault);
    }

    /// Undoes [`isolate`](Self::isolate). Cut edges stay cut.
    pub fn heal(&self, node: NodeId) {
        if let Some(fault) = self.faults().isolated.get_mut(&node) {
            fault.active = false;
        }
    }

    /// Stops what `from` sends to `to`. The edge from `to` to `from` stays as it is.
    pub fn cut_edge(&self, from: NodeId, to: NodeId) {
        let mut faults = self.faults();
        let fault = faults.next();
        faults.cut.insert((from, to), fault);
    }

    /// Undoes [`cut_edge`](Self::cut_edge). Isolated nodes stay isolated.
    pub fn restore_edge(&self, from: NodeId, to: NodeId) {
        if let Some(fault) = self.faults().cut.get_mut(&(from, to)) {
            fault.active = false;
        }
    }

    /// Lifts every isolation and restores every edge.
    ///
    /// ```
    /// use openraft_toolkit::test_fakes::PartitionController;
    ///
    /// let partitions = PartitionController::new();
    /// partitions.isolate(1);
    /// partitions.cut_edge(2, 3);
    ///
    /// partitions.heal_all();
    ///
    /// assert!(partitions.is_reachable(1, 2) && partitions.is_reachable(2, 3));
    /// ```
    pub fn heal_all(&self) {
        let mut faults = self.faults();
        let Faults { isolated, cut, .. } = &mut *faults;
        isolated
            .values_mut()
            .chain(cut.values_mut())
            .for_each(|fault| fault.active = false);
    }

    /// Returns whether the partitions let through what `from` sends to `to`. A node always reaches itself.
    pub fn is_reachable(&self, from: NodeId, to: NodeId) -> bool {
        from == to || !self.faults().any(&from, &to, |fault| fault.active)
    }

    /// Returns the current point in the sequence of faults.
    pub(super) fn now(&self) -> Moment {
        self.faults().now
    }

    /// Returns whether `from` reached `to` all the time since `left`, and still does.
    pub(super) fn held_since(&self, left: Moment, from: &NodeId, to: &NodeId) -> bool {
        from == to || !self.faults().any(from, to, |fault| fault.active || fault.set_at > left)
    }

    fn faults(&self) -> MutexGuard<'_, Faults<NodeId>> {
        lock(&self.faults)
    }
}

impl<NodeId: Ord + Clone> PartitionController<NodeId> {
    /// Cuts every edge between the two sides, in both directions. Edges within a side stay as they are.
    ///
    /// For more than two sides, call this method for each pair of sides. A node on neither side keeps its edges to both
    /// sides.
    ///
    /// ```
    /// use openraft_toolkit::test_fakes::PartitionController;
    ///
    /// let partitions = PartitionController::new();
    /// partitions.partition([1, 2], [3, 4, 5]);
    /// assert!(!partitions.is_reachable(2, 3) && !partitions.is_reachable(3, 2));
    /// assert!(partitions.is_reachable(1, 2) && partitions.is_reachable(3, 5));
    /// ```
    pub fn partition(&self, one: impl IntoIterator<Item = NodeId>, other: impl IntoIterator<Item = NodeId>) {
        let other: Vec<NodeId> = other.into_iter().collect();
        for a in one {
            for b in &other {
                self.cut_edge(a.clone(), b.clone());
                self.cut_edge(b.clone(), a.clone());
            }
        }
    }

    /// Arranges `nodes` in a ring, in which each node reaches only the node named before it and the node named after
    /// it. The first and the last node are neighbours. Edges between neighbours stay as they are.
    ///
    /// In a ring of five, each node and its two neighbours are a majority, and no two nodes reach the same majority.
    ///
    /// ```
    /// use openraft_toolkit::test_fakes::PartitionController;
    ///
    /// let partitions = PartitionController::new();
    /// partitions.ring([1, 2, 3, 4, 5]);
    /// assert!(partitions.is_reachable(1, 2) && partitions.is_reachable(1, 5));
    /// assert!(!partitions.is_reachable(1, 3) && !partitions.is_reachable(4, 1));
    /// ```
    pub fn ring(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        for (i, a) in nodes.iter().enumerate() {
            for (j, b) in nodes.iter().enumerate().skip(i + 2) {
                if j - i < nodes.len() - 1 {
                    self.cut_edge(a.clone(), b.clone());
                    self.cut_edge(b.clone(), a.clone());
                }
            }
        }
    }

    /// Returns the nodes that are isolated.
    pub fn isolated(&self) -> BTreeSet<NodeId> {
        active(&self.faults().isolated)
    }

    /// Returns the edges that are cut, each as (from, to).
    pub fn cut_edges(&self) -> BTreeSet<(NodeId, NodeId)> {
        active(&self.faults().cut)
    }
}

/// Returns the keys of the faults that are active.
fn active<Key: Ord + Clone>(faults: &BTreeMap<Key, Fault>) -> BTreeSet<Key> {
    let active = faults.iter().filter(|(_, fault)| fault.active);
    active.map(|(key, _)| key.clone()).collect()
}

impl<NodeId: Ord> Faults<NodeId> {
    fn next(&mut self) -> Fault {
        self.now += 1;
        Fault {
            active: true,
            set_at: self.now,
        }
    }

    /// Returns whether `is_such` holds for any fault that affects messages from `from` to `to`.
    fn any(&self, from: &NodeId, to: &NodeId, is_such: impl Fn(&Fault) -> bool) -> bool {
        let nodes = [from, to].into_iter().filter_map(|node| self.isolated.get(node));
        // Look at all edges, because a map with pairs as keys cannot be searched by a pair of references.
        let edges = self.cut.iter().filter(|((a, b), _)| a == from && b == to);
        nodes.chain(edges.map(|(_, fault)| fault)).any(is_such)
    }
}

impl<NodeId: Ord> Default for PartitionController<NodeId> {
    fn default() -> Self {
        Self::new()
    }
}
