//! The memory for the tails of all groups of a database, and the equal share of each group.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::support::lock::lock;

/// The tail of a group of any type config.
pub(in crate::log_store) trait ShrinkTail: Send + Sync {
    /// Removes the oldest entries that RocksDB has from the tail, until the rest takes at most `bytes`.
    fn shrink(&self, bytes: usize);
}

/// The tails of all open groups of a database.
pub(in crate::log_store) struct Tails {
    bytes: usize,
    share: AtomicUsize,
    /// The tails by their address in memory, so that a group finds its own.
    groups: Mutex<HashMap<usize, Weak<dyn ShrinkTail>>>,
}

impl Tails {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            share: AtomicUsize::new(bytes),
            groups: Mutex::default(),
        }
    }

    /// Returns how many bytes the tail of each group may take, without entries that RocksDB does not have yet.
    pub(in crate::log_store) fn share(&self) -> usize {
        self.share.load(Ordering::Relaxed)
    }

    /// Adds the tail of a group that is opened. If the shares become smaller, shrinks all tails, because an idle group
    /// does not shrink its own.
    pub(super) fn add<T: ShrinkTail + 'static>(&self, tail: &Arc<T>) {
        let mut groups = lock(&self.groups);
        let weak: Weak<T> = Arc::downgrade(tail);
        groups.insert(Arc::as_ptr(tail).addr(), weak);
        let share = self.share_of(groups.len());
        if self.share.swap(share, Ordering::Relaxed) == share {
            return;
        }
        let others: Vec<_> = groups.values().filter_map(Weak::upgrade).collect();
        drop(groups);
        for tail in others {
            tail.shrink(share);
        }
    }

    /// Removes the tail of a group that is closed.
    pub(super) fn remove<T: ShrinkTail + 'static>(&self, tail: &Arc<T>) {
        let mut groups = lock(&self.groups);
        groups.remove(&Arc::as_ptr(tail).addr());
        self.share.store(self.share_of(groups.len()), Ordering::Relaxed);
    }

    /// Shares are halved each time that the number of groups has doubled: if they shrank with each group, opening many
    /// groups would shrink all tails each time.
    fn share_of(&self, groups: usize) -> usize {
        self.bytes / groups.next_power_of_two()
    }
}
