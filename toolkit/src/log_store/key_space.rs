//! The keys of a group: the trait [`KeySpace`], and the two key spaces of this library.

use std::fmt;

/// The keys of one raft group in the log and meta column families.
///
/// [`Flat`] gives both column families to one group, and [`GroupPrefixed`] lets thousands of groups share them.
/// Implement this trait yourself only for a layout that exists already.
///
/// # To ensure correctness
///
/// A key space must keep these rules. Otherwise a group loses entries, or overwrites or deletes those of another group.
/// Where the log store finds that the second or the third rule is broken, it refuses to open the group, with
/// [`Overlaps`](super::RocksdbLogStoreError::Overlaps).
///
/// - `log_key` is strictly increasing: for `a < b`, `log_key(a)` sorts before `log_key(b)`, byte by byte, as RocksDB's
///   default comparator sorts. The store reads, truncates and purges ranges of keys.
/// - No key of another group in the same column family is in the range from `log_key(0)` to `log_key(u64::MAX)`, both
///   inclusive. Different prefixes of the same length ensure this.
/// - The meta keys of all groups and labels in the same column family differ from one another. No column family holds
///   the log of one group and the meta records of another.
/// - The keys of a group never change, not even in a later release of your program, because they are on disk.
///
/// # Examples
///
/// A key space for tenants with a fixed-width name:
///
/// ```
/// use openraft_toolkit::log_store::{KeySpace, MetaLabel};
///
/// #[derive(Clone, Debug)]
/// struct Tenant([u8; 16]);
///
/// impl KeySpace for Tenant {
///     fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
///         [&self.0[..], &index.to_be_bytes()].concat()
///     }
///     fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
///         [&self.0[..], label.as_str().as_bytes()].concat()
///     }
/// }
/// ```
pub trait KeySpace: Clone + fmt::Debug + Send + Sync + 'static {
    /// Returns the key of the log entry at `index`, in the log column family.
    fn log_key(&self, index: u64) -> impl AsRef<[u8]>;

    /// Returns the key of the record called `label`, in the meta column family.
    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]>;

    /// Returns the index whose key is `log_key`, or `None` if `log_key` is not a log key of this group.
    ///
    /// The default implementation is right for keys that end in the index as 8 big-endian bytes.
    fn log_index(&self, log_key: &[u8]) -> Option<u64> {
        let index = u64::from_be_bytes(*log_key.last_chunk()?);
        (self.log_key(index).as_ref() == log_key).then_some(index)
    }
}

/// The records that a group keeps beside its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaLabel {
    /// The last saved vote.
    Vote,
    /// The last saved committed log id.
    Committed,
    /// The log id up to which the log was purged.
    LastPurged,
}

impl MetaLabel {
    /// All labels.
    pub const ALL: [Self; 3] = [Self::Vote, Self::Committed, Self::LastPurged];

    /// Returns the label as it is written in a key: `vote`, `committed` or `last_purged`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vote => "vote",
            Self::Committed => "committed",
            Self::LastPurged => "last_purged",
        }
    }
}

impl fmt::Display for MetaLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key space of a raft group that has both column families to itself.
///
/// A log key is the index as 8 big-endian bytes. A meta key is the label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flat;

impl KeySpace for Flat {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        index.to_be_bytes()
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        label.as_str()
    }
}

/// The key space of one of many raft groups that share the column families.
///
/// A log key is the group id and the index, each as 8 big-endian bytes. A meta key is the group id as 8 big-endian
/// bytes, then `/` and the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupPrefixed {
    group_id: u64,
}

impl GroupPrefixed {
    /// Returns the key space of the group `group_id`, which may be any number.
    pub const fn new(group_id: u64) -> Self {
        Self { group_id }
    }

    /// Returns the group's id.
    pub const fn group_id(&self) -> u64 {
        self.group_id
    }
}

impl KeySpace for GroupPrefixed {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        ((u128::from(self.group_id) << 64) | u128::from(index)).to_be_bytes()
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        [&self.group_id.to_be_bytes(), b"/".as_slice(), label.as_str().as_bytes()].concat()
    }
}
