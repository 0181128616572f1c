//! Which groups are stored in a log and a meta column family, as the form of their keys shows.
//!
//! The form tells only groups of [`Flat`] and [`GroupPrefixed`]. Of a key space that a user implements, this file
//! recognizes only the own keys of the group that is asked about.

use std::collections::BTreeSet;
use std::fmt;

use rocksdb::{DB, DBRawIterator};

use super::error::RocksdbLogStoreError;
use super::group_columns::{after, cf_handle, total_order};
use super::key_space::{Flat, GroupPrefixed, KeySpace, MetaLabel};

/// The key space of a group that was found in a database: one of the two key spaces of this library, as the form of the
/// group's keys shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKeys {
    /// [`Flat`].
    Flat,
    /// [`GroupPrefixed`] with this group id.
    Prefixed(u64),
}

impl GroupKeys {
    /// Returns the name of the group in error messages, which is that of a store of the group.
    pub(super) fn name(self) -> String {
        match self {
            Self::Flat => format!("{Flat:?}"),
            Self::Prefixed(id) => format!("{:?}", GroupPrefixed::new(id)),
        }
    }

    /// Returns the group that the log key `key` belongs to, or `None` if the key has the form of neither key space.
    pub(super) fn of_log_key(key: &[u8]) -> Option<Self> {
        match key.len() {
            8 => Some(Self::Flat),
            16 => key.first_chunk().map(|id| Self::Prefixed(u64::from_be_bytes(*id))),
            _ => None,
        }
    }

    /// Returns the group that the meta key `key` belongs to, or `None` if the key has the form of neither key space.
    fn of_meta_key(key: &[u8]) -> Option<Self> {
        let prefixed = key.first_chunk().map(|id| Self::Prefixed(u64::from_be_bytes(*id)));
        [Some(Self::Flat), prefixed].into_iter().flatten().find(|keys| {
            let mut own = MetaLabel::ALL.into_iter();
            own.any(|label| keys.meta_key(label).as_ref() == key)
        })
    }
}

impl fmt::Display for GroupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat => f.write_str("flat"),
            Self::Prefixed(id) => write!(f, "{id}"),
        }
    }
}

impl KeySpace for GroupKeys {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        match self {
            Self::Flat => Flat.log_key(index).as_ref().to_vec(),
            Self::Prefixed(id) => GroupPrefixed::new(*id).log_key(index).as_ref().to_vec(),
        }
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        match self {
            Self::Flat => Flat.meta_key(label).as_ref().to_vec(),
            Self::Prefixed(id) => GroupPrefixed::new(*id).meta_key(label).as_ref().to_vec(),
        }
    }
}

/// Returns all groups that are stored in the two column families. Does not find a group that has no meta records, and
/// whose entries lie between those of a stored [`Flat`].
///
/// # Errors
///
/// [`UnknownKey`](RocksdbLogStoreError::UnknownKey) for a key that has the form of neither key space of this library,
/// and the errors of RocksDB.
pub(super) fn stored_groups(db: &DB, log_cf: &str, meta_cf: &str) -> Result<BTreeSet<GroupKeys>, RocksdbLogStoreError> {
    let mut found = BTreeSet::new();
    add_groups_of_log(db, log_cf, UnknownKeys::Refuse, &mut found)?;
    add_groups_of_meta(db, meta_cf, UnknownKeys::Refuse, &mut found)?;
    Ok(found)
}

/// Returns the groups that [`stored_groups`] finds, as far as the column families can be read. Skips unknown keys.
pub(super) fn readable_groups(db: &DB, log_cf: &str, meta_cf: &str) -> BTreeSet<GroupKeys> {
    let mut found = BTreeSet::new();
    // Ignore the errors: damage elsewhere in the column families does not keep a group from being verified.
    let _ = add_groups_of_log(db, log_cf, UnknownKeys::Skip, &mut found);
    let _ = add_groups_of_meta(db, meta_cf, UnknownKeys::Skip, &mut found);
    found
}

/// What to do about a key that has the form of neither key space of this library.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownKeys {
    Refuse,
    Skip,
}

fn add_groups_of_log(
    db: &DB,
    cf: &str,
    unknown: UnknownKeys,
    groups: &mut BTreeSet<GroupKeys>,
) -> Result<(), RocksdbLogStoreError> {
    let log = cf_handle!(db, cf)?;
    let mut entries = db.raw_iterator_cf_opt(&log, total_order());
    entries.seek_to_first();
    each_key(&mut entries, cf, unknown, GroupKeys::of_log_key, |keys, entries| {
        groups.insert(keys);
        // Skip the other entries of the group with one seek, however many there are.
        entries.seek(after(&keys.log_key(u64::MAX)));
    })
}

fn add_groups_of_meta(
    db: &DB,
    cf: &str,
    unknown: UnknownKeys,
    groups: &mut BTreeSet<GroupKeys>,
) -> Result<(), RocksdbLogStoreError> {
    let meta = cf_handle!(db, cf)?;
    let mut records = db.raw_iterator_cf_opt(&meta, total_order());
    records.seek_to_first();
    each_key(&mut records, cf, unknown, GroupKeys::of_meta_key, |keys, records| {
        groups.insert(keys);
        records.next();
    })
}

/// Calls `found` with the group of each key that the iterator comes to, and with the iterator, which `found` must move
/// past that key.
fn each_key(
    keys: &mut DBRawIterator<'_>,
    cf: &str,
    unknown: UnknownKeys,
    group_of: impl Fn(&[u8]) -> Option<GroupKeys>,
    mut found: impl FnMut(GroupKeys, &mut DBRawIterator<'_>),
) -> Result<(), RocksdbLogStoreError> {
    while let Some(key) = keys.key() {
        match group_of(key) {
            Some(group) => found(group, keys),
            None if unknown == UnknownKeys::Skip => keys.next(),
            None => {
                return Err(RocksdbLogStoreError::UnknownKey {
                    column_family: cf.to_owned(),
                    key: key.to_vec(),
                });
            }
        }
    }
    keys.status()?;
    Ok(())
}

/// Returns whether the keys of two groups in the same column families overlap: the ranges of their log keys, or any of
/// their meta keys.
pub(super) fn overlap(one: &impl KeySpace, other: &impl KeySpace) -> bool {
    let log_keys_overlap = one.log_key(0).as_ref() <= other.log_key(u64::MAX).as_ref()
        && other.log_key(0).as_ref() <= one.log_key(u64::MAX).as_ref();
    log_keys_overlap
        || MetaLabel::ALL
            .iter()
            .any(|label| is_meta_key_of(other, one.meta_key(*label)))
}

fn is_meta_key_of(keys: &impl KeySpace, key: impl AsRef<[u8]>) -> bool {
    let mut own = MetaLabel::ALL.into_iter();
    own.any(|label| keys.meta_key(label).as_ref() == key.as_ref())
}

/// Returns whether both key spaces have the same range of log keys and the same meta keys.
fn is_same_group(one: &impl KeySpace, other: &impl KeySpace) -> bool {
    let mut labels = MetaLabel::ALL.into_iter();
    [0, u64::MAX]
        .into_iter()
        .all(|index| one.log_key(index).as_ref() == other.log_key(index).as_ref())
        && labels.all(|label| one.meta_key(label).as_ref() == other.meta_key(label).as_ref())
}

/// Finds stored groups whose keys overlap those of the group `keys`.
pub(super) struct Neighbours<'a, K> {
    pub(super) db: &'a DB,
    pub(super) log_cf: &'a str,
    pub(super) meta_cf: &'a str,
    pub(super) keys: &'a K,
}

impl<K: KeySpace> Neighbours<'_, K> {
    /// Returns whether this group has the keys of a [`GroupPrefixed`]. Only [`Flat`] can then be its neighbour.
    pub(super) fn is_prefixed(&self) -> bool {
        let id = self.keys.log_key(0).as_ref().first_chunk().copied();
        id.is_some_and(|id| is_same_group(self.keys, &GroupPrefixed::new(u64::from_be_bytes(id))))
    }

    /// Finds a stored group whose keys overlap those of this group. Takes a few reads, unless many meta records of
    /// other groups are stored in the range of this group's keys.
    ///
    /// Does not find a group that has no meta records, and whose entries lie between entries of this group.
    pub(super) fn find(&self) -> Result<Option<GroupKeys>, RocksdbLogStoreError> {
        match self.inside()? {
            None => self.around(),
            inside => Ok(inside),
        }
    }

    /// Finds a group that has stored log keys in the range of this group's log keys, or whose meta keys show that it
    /// may have.
    fn inside(&self) -> Result<Option<GroupKeys>, RocksdbLogStoreError> {
        if self.is_prefixed() {
            // No key of another group starts with this group's id.
            return Ok(None);
        }
        let (first, last) = (self.keys.log_key(0), self.keys.log_key(u64::MAX));
        let (first, last) = (first.as_ref(), last.as_ref());
        let mut entries = self.iterator(self.log_cf, first, &after(&last))?;
        for seek in [DBRawIterator::seek_to_first, DBRawIterator::seek_to_last] {
            seek(&mut entries);
            if let Some(other) = entries.key().and_then(|key| self.other_of_log_key(key)) {
                return Ok(Some(other));
            }
            entries.status()?;
        }
        // The meta keys of a group with a prefix start with its id, as its log keys do.
        let mut records = self.iterator(self.meta_cf, id_of(first), &after(&[id_of(last), &[0xff; 8]].concat()))?;
        records.seek_to_first();
        while let Some(key) = records.key() {
            if let Some(other) = self.other_of_meta_key(key)
                && overlap(self.keys, &other)
            {
                return Ok(Some(other));
            }
            records.next();
        }
        records.status()?;
        Ok(None)
    }

    /// Finds a stored group whose keys overlap those of this group, although none of its stored keys need be among
    /// them.
    fn around(&self) -> Result<Option<GroupKeys>, RocksdbLogStoreError> {
        let ids = [0, u64::MAX].map(|index| self.keys.log_key(index).as_ref().first_chunk().copied());
        let of_log_keys = ids.map(|id| id.map(|id| GroupKeys::Prefixed(u64::from_be_bytes(id))));
        let of_meta_keys = MetaLabel::ALL.map(|label| GroupKeys::of_meta_key(self.keys.meta_key(label).as_ref()));
        let found = of_log_keys.into_iter().chain(of_meta_keys).flatten();
        let candidates: BTreeSet<_> = found.chain([GroupKeys::Flat]).collect();
        for other in candidates {
            if overlap(self.keys, &other) && !is_same_group(self.keys, &other) && self.is_stored(other)? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Returns whether keys of `other` are stored that are not keys of this group.
    fn is_stored(&self, other: GroupKeys) -> Result<bool, RocksdbLogStoreError> {
        let meta = cf_handle!(self.db, self.meta_cf)?;
        for label in MetaLabel::ALL {
            let key = other.meta_key(label);
            if self.other_of_meta_key(key.as_ref()) == Some(other) && self.db.get_pinned_cf(&meta, key)?.is_some() {
                return Ok(true);
            }
        }
        let (first, last) = (other.log_key(0), other.log_key(u64::MAX));
        let mut entries = self.iterator(self.log_cf, first.as_ref(), &after(&last))?;
        for seek in [DBRawIterator::seek_to_first, DBRawIterator::seek_to_last] {
            seek(&mut entries);
            if entries.key().and_then(|key| self.other_of_log_key(key)) == Some(other) {
                return Ok(true);
            }
            entries.status()?;
        }
        Ok(false)
    }

    /// Returns the group of a log key. Returns `None` if this group has that key itself.
    fn other_of_log_key(&self, key: &[u8]) -> Option<GroupKeys> {
        GroupKeys::of_log_key(key).filter(|_| self.keys.log_index(key).is_none())
    }

    /// Returns the group of a meta key. Returns `None` if this group has that key itself.
    fn other_of_meta_key(&self, key: &[u8]) -> Option<GroupKeys> {
        GroupKeys::of_meta_key(key).filter(|_| !is_meta_key_of(self.keys, key))
    }

    /// Returns an iterator over the keys of a column family: `first` inclusive, `end` exclusive.
    fn iterator(&self, cf: &str, first: &[u8], end: &[u8]) -> Result<DBRawIterator<'_>, RocksdbLogStoreError> {
        let mut options = total_order();
        options.set_iterate_lower_bound(first);
        options.set_iterate_upper_bound(end);
        Ok(self.db.raw_iterator_cf_opt(&cf_handle!(self.db, cf)?, options))
    }
}

/// Returns the part of a log key in which a group with a prefix has its id.
fn id_of(log_key: &[u8]) -> &[u8] {
    log_key.get(..8).unwrap_or(log_key)
}
