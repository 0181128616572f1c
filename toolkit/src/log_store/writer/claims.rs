//! Which keys of a database belong to which groups, so that no two groups write to the same range of keys.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::log_store::error::RocksdbLogStoreError;
use crate::support::lock::lock;

/// The name of a column family.
pub(in crate::log_store) type CfName = Arc<str>;

/// A key. Claims and the maps of claims share its bytes.
type Key = Arc<[u8]>;

/// All keys that a group can ever write.
pub(in crate::log_store) struct Claim {
    /// The name of the group in error messages.
    pub(in crate::log_store) group: String,
    pub(in crate::log_store) log_cf: CfName,
    /// The first and the last possible log key. All keys from the first to the last belong to the group.
    pub(in crate::log_store) log: [Key; 2],
    pub(in crate::log_store) meta_cf: CfName,
    pub(in crate::log_store) meta: [Key; 3],
}

impl Claim {
    /// Returns whether both claims have the same keys, and so are claims of the same group.
    fn is_same_group(&self, other: &Self) -> bool {
        (&self.log_cf, &self.log, &self.meta_cf, &self.meta) == (&other.log_cf, &other.log, &other.meta_cf, &other.meta)
    }

    /// Returns the error for this claim if `other` keeps it from being added.
    fn refused_for(&self, other: &Owner) -> RocksdbLogStoreError {
        let group = self.group.clone();
        if other.is_open && other.claim.group == group {
            return RocksdbLogStoreError::AlreadyOpen { group };
        }
        RocksdbLogStoreError::Overlaps {
            group,
            other: other.claim.group.clone(),
        }
    }
}

/// The claims on a database: those of the open groups, and those of the closed groups that have stored something.
#[derive(Default)]
pub(in crate::log_store) struct Claims(Mutex<State>);

#[derive(Default)]
struct State {
    /// The groups by log column family and first log key. The ranges of a column family do not overlap.
    logs: HashMap<CfName, BTreeMap<Key, Owner>>,
    /// The claims by meta column family and meta key.
    metas: HashMap<CfName, HashMap<Key, Arc<Claim>>>,
    /// The log and meta column families in which no [`Flat`](crate::log_store::Flat) was stored when a group with a
    /// prefix was opened.
    without_flat: HashSet<[CfName; 2]>,
}

/// A group that has keys.
struct Owner {
    claim: Arc<Claim>,
    is_open: bool,
    /// Whether records of the group are stored, or were stored when it was closed.
    is_stored: bool,
}

impl Claims {
    /// Adds the claim of a group that is being opened.
    ///
    /// # Errors
    ///
    /// Nothing is added if another claim has some of the keys, or uses the log column family for meta keys or the other
    /// way round:
    ///
    /// - [`AlreadyOpen`](RocksdbLogStoreError::AlreadyOpen) if an open group has the same name.
    /// - [`Overlaps`](RocksdbLogStoreError::Overlaps) otherwise.
    pub(in crate::log_store) fn add(&self, claim: &Arc<Claim>) -> Result<(), RocksdbLogStoreError> {
        let mut state = lock(&self.0);
        if let Some(owner) = state.owner(claim)
            && !owner.is_open
            && owner.claim.is_same_group(claim)
        {
            owner.is_open = true;
        } else if let Some(other) = state.conflict(claim) {
            return Err(claim.refused_for(other));
        } else {
            state.insert(claim);
        }
        Ok(())
    }

    /// Returns whether [`set_without_flat`](Self::set_without_flat) was called for `pair`, a log and a meta column
    /// family.
    pub(in crate::log_store) fn is_without_flat(&self, pair: &[CfName; 2]) -> bool {
        lock(&self.0).without_flat.contains(pair)
    }

    /// Notes that no [`Flat`](crate::log_store::Flat) was stored in `pair` before this writer was started.
    pub(in crate::log_store) fn set_without_flat(&self, pair: [CfName; 2]) {
        lock(&self.0).without_flat.insert(pair);
    }

    /// Notes whether records of the group, which must be open, are stored.
    pub(in crate::log_store) fn set_stored(&self, claim: &Claim, stored: bool) {
        if let Some(owner) = lock(&self.0).owner(claim) {
            owner.is_stored = stored;
        }
    }

    /// Closes a group. Its claim is removed, unless records of the group are stored.
    pub(in crate::log_store) fn close(&self, claim: &Claim) {
        let mut state = lock(&self.0);
        match state.owner(claim) {
            Some(owner) if owner.is_stored => owner.is_open = false,
            _ => state.remove(claim),
        }
    }

    /// Returns the log and the meta column family of each open group, without repetitions.
    pub(in crate::log_store) fn column_families(&self) -> HashSet<[CfName; 2]> {
        let state = lock(&self.0);
        let open = state
            .logs
            .values()
            .flat_map(BTreeMap::values)
            .filter(|owner| owner.is_open);
        open.map(|owner| [owner.claim.log_cf.clone(), owner.claim.meta_cf.clone()])
            .collect()
    }
}

impl State {
    /// Returns the group that has the same first log key as `claim`.
    fn owner(&mut self, claim: &Claim) -> Option<&mut Owner> {
        self.logs.get_mut(&claim.log_cf)?.get_mut(&claim.log[0])
    }

    /// Returns a group whose claim conflicts with `claim`.
    fn conflict(&self, claim: &Claim) -> Option<&Owner> {
        let owner_of = |claim: &Claim| self.logs.get(&claim.log_cf)?.get(&claim.log[0]);
        let [first, last] = &claim.log;
        // Of all ranges that start before `last` does, the one that starts last also ends last.
        let log = self.logs.get(&claim.log_cf).and_then(|logs| {
            let (_, before) = logs.range(..=last.clone()).next_back()?;
            (before.claim.log[1] >= *first).then_some(before)
        });
        let meta = || {
            let metas = self.metas.get(&claim.meta_cf)?;
            owner_of(claim.meta.iter().find_map(|key| metas.get(key))?)
        };
        let meta_in_log_cf = || owner_of(self.metas.get(&claim.log_cf)?.values().next()?);
        let log_in_meta_cf = || self.logs.get(&claim.meta_cf)?.values().next();
        log.or_else(meta).or_else(meta_in_log_cf).or_else(log_in_meta_cf)
    }

    fn insert(&mut self, claim: &Arc<Claim>) {
        let metas = self.metas.entry(claim.meta_cf.clone()).or_default();
        metas.extend(claim.meta.iter().map(|key| (key.clone(), claim.clone())));
        let owner = Owner {
            claim: claim.clone(),
            is_open: true,
            is_stored: false,
        };
        let logs = self.logs.entry(claim.log_cf.clone()).or_default();
        logs.insert(claim.log[0].clone(), owner);
    }

    /// Removes `claim`, and the maps that this leaves empty: the column family is then free for either role.
    fn remove(&mut self, claim: &Claim) {
        if let Some(metas) = self.metas.get_mut(&claim.meta_cf) {
            for key in &claim.meta {
                metas.remove(key);
            }
            if metas.is_empty() {
                self.metas.remove(&claim.meta_cf);
            }
        }
        if let Some(logs) = self.logs.get_mut(&claim.log_cf) {
            logs.remove(&claim.log[0]);
            if logs.is_empty() {
                self.logs.remove(&claim.log_cf);
            }
        }
    }
}
