//! Lists the groups of a database, and reads their entries.

use std::ops::RangeBounds;

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use rocksdb::DB;

use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::group_columns::{GroupColumns, cf_handle};
use crate::log_store::key_space::MetaLabel;
use crate::log_store::stored_groups::{GroupKeys, stored_groups};
use crate::support::span::Span;

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
/// - [`UnknownKey`](RocksdbLogStoreError::UnknownKey) if a key belongs neither to [`Flat`](crate::log_store::Flat) nor
///   to [`GroupPrefixed`](crate::log_store::GroupPrefixed): the column families use a key space of your own, or hold
///   other data.
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
    let found = stored_groups(db, log_cf, meta_cf)?;
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
