//! Lists the groups of a database, and reads their entries.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeBounds;

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use rocksdb::{DB, DBRawIterator};

use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::group_columns::{GroupColumns, cf_handle, total_order};
use crate::log_store::key_space::{Flat, GroupPrefixed, KeySpace, MetaLabel};
use crate::support::span::Span;

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
    /// Returns the group that the log key `key` belongs to, or `None` if the key has the form of neither key space.
    fn of_log_key(key: &[u8]) -> Option<Self> {
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

/// A group that [`groups()`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredGroup<C: RaftTypeConfig> {
    /// The group's key space, which tells groups apart.
    pub keys: GroupKeys,
    /// What is stored of the group, or the error that occurred when it was read. An error in one group does not keep
    /// [`groups()`] from listing the others.
    pub state: Result<StoredState<C>, RocksdbLogStoreError>,
}

/// What is stored of a group: the vote, the committed log id, and how far the log reaches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredState<C: RaftTypeConfig> {
    /// The last saved vote, or `None` if no vote was saved.
    pub vote: Option<VoteOf<C>>,
    /// The last saved committed log id, or `None` if none was saved.
    pub committed: Option<LogIdOf<C>>,
    /// The log id up to which the log was purged, or `None` if it was never purged.
    pub purged: Option<LogIdOf<C>>,
    /// The log id of the first entry, or `None` if the log is empty.
    pub first: Option<LogIdOf<C>>,
    /// The log id of the last entry, or `None` if the log is empty.
    pub last: Option<LogIdOf<C>>,
}

/// Lists the groups of a database in the order of their keys, with what is stored of each.
///
/// This function is for tools. It works on a database that is
/// [opened for reading](crate::log_store::open_db_read_only) beside a running node, and on any other database. It does
/// not see what a running store still has in its queue. It needs a few reads for each group, however long the logs are.
///
/// # Errors
///
/// - [`MissingColumnFamily`](RocksdbLogStoreError::MissingColumnFamily) if `db` lacks one of the two column families,
///   and [`SharedColumnFamily`](RocksdbLogStoreError::SharedColumnFamily) if both names are the same.
/// - [`UnknownKey`](RocksdbLogStoreError::UnknownKey) if a key belongs neither to [`Flat`] nor to [`GroupPrefixed`]:
///   the column families use a key space of your own, or hold other data.
/// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot read the keys.
///
/// # Examples
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
/// use openraft_toolkit::log_store::{LOG_CF, META_CF, groups, open_db_read_only};
///
/// # use openraft_toolkit::log_store::{LogDbOptions, open_db};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # drop(open_db(dir.path(), LogDbOptions::default())?);
/// let db = open_db_read_only(dir.path())?;
/// for group in groups::<Types>(&db, LOG_CF, META_CF)? {
///     match group.state {
///         Ok(state) => println!("{}: {:?} to {:?}", group.keys, state.first, state.last),
///         Err(error) => println!("{}: {error}", group.keys),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub fn groups<C: RaftTypeConfig>(
    db: &DB,
    log_cf: &str,
    meta_cf: &str,
) -> Result<Vec<StoredGroup<C>>, RocksdbLogStoreError> {
    let found = group_keys(db, log_cf, meta_cf)?;
    found
        .into_iter()
        .map(|keys| {
            let columns = GroupColumns::<C, _>::new(db, log_cf, meta_cf, keys)?;
            let state = stored_state(db, &columns);
            Ok(StoredGroup { keys, state })
        })
        .collect()
}

/// Reads the stored entries of a group whose indexes are in `range`, in the order of their indexes.
///
/// Like [`groups()`], this function is for tools, and returns whatever is stored. A hole in the log is not an error,
/// and an entry that should have been purged is returned like any other. If an entry cannot be decoded, the iterator
/// yields an error in its place and continues. To find what is wrong with a group, use
/// [`verify`](crate::log_store::verify()).
///
/// # Errors
///
/// [`MissingColumnFamily`](RocksdbLogStoreError::MissingColumnFamily) if `db` lacks one of the two column families, and
/// [`SharedColumnFamily`](RocksdbLogStoreError::SharedColumnFamily) if both names are the same.
///
/// An item of the iterator is an error in these cases:
///
/// - [`Corrupt`](RocksdbLogStoreError::Corrupt) if the entry cannot be decoded.
/// - [`Misplaced`](RocksdbLogStoreError::Misplaced) if the entry is stored under the key of another index.
/// - [`ForeignKey`](RocksdbLogStoreError::ForeignKey) if the key is not a log key of the group.
/// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot read on. This item is the last one.
///
/// # Examples
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
/// use openraft_toolkit::log_store::{GroupKeys, LOG_CF, META_CF, open_db_read_only, stored_entries};
///
/// # use openraft_toolkit::log_store::{LogDbOptions, open_db};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # drop(open_db(dir.path(), LogDbOptions::default())?);
/// let db = open_db_read_only(dir.path())?;
/// for entry in stored_entries::<Types>(&db, LOG_CF, META_CF, GroupKeys::Prefixed(7), 100..200)? {
///     println!("{}", entry?);
/// }
/// # Ok(())
/// # }
/// ```
pub fn stored_entries<'db, C: RaftTypeConfig>(
    db: &'db DB,
    log_cf: &str,
    meta_cf: &str,
    keys: GroupKeys,
    range: impl RangeBounds<u64>,
) -> Result<impl Iterator<Item = Result<C::Entry, RocksdbLogStoreError>> + 'db, RocksdbLogStoreError> {
    let columns = GroupColumns::<C, _>::new(db, log_cf, meta_cf, keys)?;
    let cf = cf_handle!(db, log_cf)?;
    let mut entries = Span::of(&range).map(|span| {
        let mut entries = db.raw_iterator_cf_opt(&cf, columns.bounds(span));
        entries.seek_to_first();
        entries
    });
    Ok(std::iter::from_fn(move || {
        let at = entries.as_mut()?;
        if let Some(item) = at.item() {
            let entry = columns.decode_item(item);
            at.next();
            return Some(entry);
        }
        let end = at.status();
        entries = None;
        end.err().map(|error| Err(error.into()))
    }))
}

/// Returns the key spaces of all groups in the two column families.
pub(super) fn group_keys(db: &DB, log_cf: &str, meta_cf: &str) -> Result<BTreeSet<GroupKeys>, RocksdbLogStoreError> {
    let mut found = BTreeSet::new();
    let log = cf_handle!(db, log_cf)?;
    let mut entries = db.raw_iterator_cf_opt(&log, total_order());
    entries.seek_to_first();
    each_key(&mut entries, log_cf, GroupKeys::of_log_key, |keys, entries| {
        found.insert(keys);
        // Skip the other entries of the group with one seek, however many there are.
        entries.seek([keys.log_key(u64::MAX).as_ref(), &[0]].concat());
    })?;
    let meta = cf_handle!(db, meta_cf)?;
    let mut records = db.raw_iterator_cf_opt(&meta, total_order());
    records.seek_to_first();
    each_key(&mut records, meta_cf, GroupKeys::of_meta_key, |keys, records| {
        found.insert(keys);
        records.next();
    })?;
    Ok(found)
}

/// Calls `found` with the group of each key that the iterator comes to, and with the iterator, which `found` must move
/// past that key. Returns an error at the first key that belongs to no group.
fn each_key(
    keys: &mut DBRawIterator<'_>,
    cf: &str,
    group_of: impl Fn(&[u8]) -> Option<GroupKeys>,
    mut found: impl FnMut(GroupKeys, &mut DBRawIterator<'_>),
) -> Result<(), RocksdbLogStoreError> {
    while let Some(key) = keys.key() {
        let group = group_of(key).ok_or_else(|| RocksdbLogStoreError::UnknownKey {
            column_family: cf.to_owned(),
            key: key.to_vec(),
        })?;
        found(group, keys);
    }
    keys.status()?;
    Ok(())
}

fn stored_state<C: RaftTypeConfig>(
    db: &DB,
    columns: &GroupColumns<C, GroupKeys>,
) -> Result<StoredState<C>, RocksdbLogStoreError> {
    let purged = columns.read_meta(db, MetaLabel::LastPurged)?;
    let (first, last) = match columns.read_ends(db, purged.as_ref())? {
        Some([first, last]) => (Some(first), Some(last)),
        None => (None, None),
    };
    Ok(StoredState {
        vote: columns.read_meta(db, MetaLabel::Vote)?,
        committed: columns.read_meta(db, MetaLabel::Committed)?,
        purged,
        first,
        last,
    })
}
