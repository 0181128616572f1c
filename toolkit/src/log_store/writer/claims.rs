//! Which keys of a database belong to open groups, so that no two open stores write to the same keys.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::support::lock::lock;

/// The name of a column family.
pub(in crate::log_store) type CfName = Arc<str>;

/// A key in a column family.
type Key = (CfName, Box<[u8]>);

/// The first log key and one meta key of a group. The two keys represent all keys of the group, because key spaces of
/// different groups must not overlap.
pub(in crate::log_store) struct Claim([Key; 2]);

impl Claim {
    pub(in crate::log_store) fn new(log_key: Key, meta_key: Key) -> Self {
        Self([log_key, meta_key])
    }
}

/// The claims of all open groups of a database.
#[derive(Default)]
pub(super) struct Claims {
    keys: Mutex<HashSet<Key>>,
}

impl Claims {
    /// Adds `claim`. Returns `false`, and adds nothing, if one of its keys is claimed already.
    pub(super) fn add(&self, claim: &Claim) -> bool {
        let mut keys = lock(&self.keys);
        let free = !claim.0.iter().any(|key| keys.contains(key));
        if free {
            keys.extend(claim.0.iter().cloned());
        }
        free
    }

    pub(super) fn remove(&self, claim: &Claim) {
        let mut keys = lock(&self.keys);
        for key in &claim.0 {
            keys.remove(key);
        }
    }
}
