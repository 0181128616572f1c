//! The memory for the tails of all groups of a database, and the equal share of each group.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use crate::support::lock::lock;

/// A group of any type config that has a tail.
pub(in crate::log_store) trait TailOwner: Send + Sync {
    /// Sets how many bytes the tail may take, without entries that RocksDB does not have yet. If the tail takes more,
    /// removes its oldest entries now, because a group that has become idle changes its tail at no other time.
    fn set_tail_share(&self, bytes: usize);
}

/// The memory for the tails of all open groups of a database.
pub(super) struct Tails {
    bytes: usize,
    /// The owners by their address in memory, so that a group finds itself.
    owners: Mutex<HashMap<usize, Weak<dyn TailOwner>>>,
}

impl Tails {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            owners: Mutex::default(),
        }
    }

    /// Gives a share to a group that is opened, and smaller shares to the other groups if necessary.
    pub(super) fn add<T: TailOwner + 'static>(&self, owner: &Arc<T>) {
        let mut owners = lock(&self.owners);
        let before = self.share(owners.len());
        let weak: Weak<T> = Arc::downgrade(owner);
        owners.insert(Arc::as_ptr(owner).addr(), weak);
        let share = self.share(owners.len());
        owner.set_tail_share(share);
        if share != before {
            set_shares(&owners, share);
        }
    }

    /// Takes back the share of a group that is closed, and gives larger shares to the other groups if possible.
    pub(super) fn remove<T: TailOwner + 'static>(&self, owner: &Arc<T>) {
        let mut owners = lock(&self.owners);
        let before = self.share(owners.len());
        owners.remove(&Arc::as_ptr(owner).addr());
        let share = self.share(owners.len());
        if share != before {
            set_shares(&owners, share);
        }
    }

    /// Returns the share of each of `groups` groups. It is halved each time that their number has doubled: if it
    /// changed with each group, opening a group would visit all others.
    fn share(&self, groups: usize) -> usize {
        self.bytes / groups.next_power_of_two()
    }
}

fn set_shares(owners: &HashMap<usize, Weak<dyn TailOwner>>, share: usize) {
    for owner in owners.values().filter_map(Weak::upgrade) {
        owner.set_tail_share(share);
    }
}
