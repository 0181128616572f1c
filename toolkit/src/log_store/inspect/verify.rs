//! Reads all that is stored of a group, and reports everything that is wrong with it.

use std::collections::BTreeSet;
use std::fmt;

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use openraft::entry::RaftEntry;
use openraft::vote::{RaftLeaderId, RaftVote};
use rocksdb::{DB, DBRawIterator};
use serde::de::DeserializeOwned;

use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::group_columns::{GroupColumns, after, cf_handle};
use crate::log_store::key_space::{KeySpace, MetaLabel};
use crate::log_store::stored_groups::{GroupKeys, overlap, readable_groups, stored_groups};
use crate::support::error_chain::error_chain;
use crate::support::span::Span;

/// Something that [`verify()`] found wrong with a group.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A record cannot be read: it is damaged, was written by a newer release or with another type config, is stored
    /// under the key of another index, or has a key that is not a log key of the group.
    #[error("{}", error_chain(.0))]
    Unreadable(RocksdbLogStoreError),
    /// RocksDB cannot read a part of the log. The part may include entries that RocksDB can read, because [`verify()`]
    /// skips ahead in growing steps to find where RocksDB can read again.
    #[error("{} cannot be read: {source}", entries(*.first, *.last))]
    UnreadableRange {
        /// The first index of the part.
        first: u64,
        /// The last index of the part, or `None` if the part reaches to the end of the log.
        last: Option<u64>,
        /// RocksDB's error.
        source: rocksdb::Error,
    },
    /// Entries are missing between two entries, or between the last purged entry and the first entry.
    #[error("missing: {}", entries(*.first, Some(*.last)))]
    Missing {
        /// The first missing index.
        first: u64,
        /// The last missing index.
        last: u64,
    },
    /// An entry is still stored although the log was purged past it.
    #[error("the entry at index {index} is still stored, although the log is purged up to {purged}")]
    NotPurged {
        /// The index of the entry.
        index: u64,
        /// The log id up to which the log was purged.
        purged: String,
    },
    /// An entry comes from an earlier leader than the entry before it.
    #[error("the entry {log_id} follows {previous}, which comes from a later leader")]
    LeaderGoesBack {
        /// The log id of the entry.
        log_id: String,
        /// The log id of the entry before it, or of the last purged one.
        previous: String,
    },
    /// The saved vote is missing, or is older than the leader of the last entry.
    #[error("the last log id is {last}, but the saved vote is {vote}")]
    VoteBehind {
        /// The last log id.
        last: String,
        /// The saved vote, or `none` if it is missing.
        vote: String,
    },
    /// The committed log id is not in the log.
    #[error("the log id {committed} is committed, but the log has {found}")]
    CommittedNotInLog {
        /// The committed log id.
        committed: String,
        /// The log id that the log has at that index, or a text that says that the log ends before it.
        found: String,
    },
    /// The group's keys overlap those of another group that is stored in the same column families. Truncating or
    /// purging one of the groups deletes entries of the other, and may have done so already. A log store opens neither
    /// of them.
    #[error("the keys overlap those of the group {other}, which is stored in the same column families")]
    Overlaps {
        /// The other group.
        other: GroupKeys,
    },
}

fn entries(first: u64, last: Option<u64>) -> String {
    match last {
        Some(last) if last == first => format!("the entry at index {first}"),
        Some(last) => format!("the entries at index {first} to {last}"),
        None => format!("the entries from index {first} on"),
    }
}

/// What [`verify()`] found in one group.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifiedGroup {
    /// The group's key space, which tells groups apart.
    pub keys: GroupKeys,
    /// How many entries after the purged ones could be read and decoded.
    pub entries: u64,
    /// All that is wrong: first the meta records that cannot be read, then the problems of the log in the order of the
    /// log, then the vote, then the groups whose keys overlap this group's. Empty if nothing is wrong.
    pub problems: Vec<Problem>,
}

/// Reads all that is stored of one group, or of all groups if `group` is `None`, and reports everything that is wrong.
///
/// It checks that
///
/// - each record is a frame that decodes, and each entry has the index of its key;
/// - indexes are consecutive and, if the log was purged, start right after the last purged index;
/// - no entry comes from an earlier leader than the entry before it, and the saved vote is not older than the last
///   entry's leader;
/// - the committed log id is that of the entry at its index, unless that entry is purged;
/// - the group's keys overlap those of no other group of this library's key spaces that is stored in the same column
///   families.
///
/// A [`RocksdbLogStore`](crate::log_store::RocksdbLogStore) checks only what it needs when it opens, and each entry
/// when the entry is read. This function reads all entries, and takes as long as reading them takes.
///
/// It cannot detect that entries after the committed log id are missing at the end of a log, because no record of the
/// group shows that. [`open_db`](crate::log_store::open_db) compares the database's files with what was recorded as
/// durable, and so detects this.
///
/// # Errors
///
/// - [`MissingColumnFamily`](RocksdbLogStoreError::MissingColumnFamily) if `db` lacks one of the two column families,
///   and [`SharedColumnFamily`](RocksdbLogStoreError::SharedColumnFamily) if both names are the same.
/// - If `group` is `None`, the other errors of [`groups`](crate::log_store::groups()).
///
/// Whatever is wrong within a group is a [`Problem`], not an error.
///
/// # Examples
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
/// use openraft_toolkit::log_store::{LOG_CF, META_CF, open_db_read_only, verify};
///
/// # use openraft_toolkit::log_store::{LogDbOptions, open_db};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # drop(open_db(dir.path(), LogDbOptions::default())?);
/// let db = open_db_read_only(dir.path())?;
/// for group in verify::<Types>(&db, LOG_CF, META_CF, None)? {
///     for problem in &group.problems {
///         eprintln!("group {}: {problem}", group.keys);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub fn verify<C: RaftTypeConfig>(
    db: &DB,
    log_cf: &str,
    meta_cf: &str,
    group: Option<GroupKeys>,
) -> Result<Vec<VerifiedGroup>, RocksdbLogStoreError> {
    let run = |keys, stored: &_| Verification::run(db, GroupColumns::<C, _>::new(db, log_cf, meta_cf, keys)?, stored);
    match group {
        // One group can be verified whatever else the column families hold.
        Some(keys) => Ok(vec![run(keys, &readable_groups(db, log_cf, meta_cf))?]),
        None => {
            let stored = stored_groups(db, log_cf, meta_cf)?;
            stored.iter().map(|keys| run(*keys, &stored)).collect()
        }
    }
}

struct Verification<'d, C: RaftTypeConfig> {
    db: &'d DB,
    columns: GroupColumns<C, GroupKeys>,
    entries: u64,
    problems: Vec<Problem>,
    /// The other groups whose keys overlap those of this group.
    overlapping: BTreeSet<GroupKeys>,
}

impl<'d, C: RaftTypeConfig> Verification<'d, C> {
    /// Verifies the group of `columns`. `stored` are groups that are stored in the same column families.
    fn run(
        db: &'d DB,
        columns: GroupColumns<C, GroupKeys>,
        stored: &BTreeSet<GroupKeys>,
    ) -> Result<VerifiedGroup, RocksdbLogStoreError> {
        let keys = *columns.keys();
        let others = stored.iter().copied().filter(|other| *other != keys);
        let mut this = Self {
            db,
            columns,
            entries: 0,
            problems: Vec::new(),
            overlapping: others.filter(|other| overlap(&keys, other)).collect(),
        };
        let vote = this.meta::<VoteOf<C>>(MetaLabel::Vote);
        let purged: Option<LogIdOf<C>> = this.meta(MetaLabel::LastPurged).flatten();
        let committed: Option<LogIdOf<C>> = this.meta(MetaLabel::Committed).flatten();
        let last = this.walk(purged, committed)?;
        if let Some(vote) = vote {
            this.check_vote(vote, last);
        }
        let overlaps = this.overlapping.into_iter().map(|other| Problem::Overlaps { other });
        this.problems.extend(overlaps);
        Ok(VerifiedGroup {
            keys,
            entries: this.entries,
            problems: this.problems,
        })
    }

    /// Reads a meta record, which may be missing. If the record cannot be read, notes that, and returns `None`.
    fn meta<T: DeserializeOwned>(&mut self, label: MetaLabel) -> Option<Option<T>> {
        let read = self.columns.read_meta(self.db, label);
        read.map_err(|error| self.problems.push(Problem::Unreadable(error)))
            .ok()
    }

    /// Reads the log from its first key to its last, and records its problems. Returns the log id of the last entry
    /// that could be decoded, or `purged` if no entry could be decoded.
    fn walk(
        &mut self,
        purged: Option<LogIdOf<C>>,
        committed: Option<LogIdOf<C>>,
    ) -> Result<Option<LogIdOf<C>>, RocksdbLogStoreError> {
        let cf = cf_handle!(self.db, self.columns.log_cf())?;
        let mut entries = self.db.raw_iterator_cf_opt(&cf, self.columns.bounds(Span::ALL));
        let purged_index = purged.as_ref().map(|purged| purged.index);
        // A log that was never purged may start at any index.
        let mut expected = purged_index.and_then(|purged| purged.checked_add(1));
        let mut previous = purged.clone();
        let mut reached = purged_index;
        entries.seek_to_first();
        loop {
            let Some((key, value)) = entries.item() else {
                let Err(source) = entries.status() else { break };
                let first = expected.unwrap_or(0);
                expected = self.seek_readable(&mut entries, first);
                self.problems.push(Problem::UnreadableRange {
                    first,
                    last: expected.and_then(|next| next.checked_sub(1)),
                    source,
                });
                if !entries.valid() {
                    break;
                }
                continue;
            };
            let Some(index) = self.columns.keys().log_index(key) else {
                if let Some(other) = GroupKeys::of_log_key(key) {
                    // Report the other group once, and not each of its entries.
                    self.overlapping.insert(other);
                    entries.seek(after(&other.log_key(u64::MAX)));
                    continue;
                }
                let group = self.columns.name();
                let key = key.to_vec();
                self.problems
                    .push(Problem::Unreadable(RocksdbLogStoreError::ForeignKey { group, key }));
                entries.next();
                continue;
            };
            let entry = self.columns.decode(index, value);
            entries.next();

            if purged_index.is_some_and(|purged| index <= purged) {
                self.problems.push(Problem::NotPurged {
                    index,
                    purged: display(purged.as_ref()),
                });
                continue;
            }
            if let Some(first) = expected.filter(|expected| *expected < index) {
                self.problems.push(Problem::Missing { first, last: index - 1 });
            }
            expected = index.checked_add(1);
            reached = Some(index);
            let log_id = match entry {
                Ok(entry) => entry.log_id(),
                Err(error) => {
                    self.problems.push(Problem::Unreadable(error));
                    continue;
                }
            };
            self.entries += 1;
            if let Some(previous) = previous
                .as_ref()
                .filter(|previous| log_id.leader_id < previous.leader_id)
            {
                self.problems.push(Problem::LeaderGoesBack {
                    log_id: log_id.to_string(),
                    previous: previous.to_string(),
                });
            }
            if let Some(committed) = committed
                .as_ref()
                .filter(|committed| committed.index == index && **committed != log_id)
            {
                self.problems.push(Problem::CommittedNotInLog {
                    committed: committed.to_string(),
                    found: log_id.to_string(),
                });
            }
            previous = Some(log_id);
        }
        if let Some(committed) = committed.filter(|committed| Some(committed.index) > reached) {
            self.problems.push(Problem::CommittedNotInLog {
                committed: committed.to_string(),
                found: format!("nothing behind {}", display(previous.as_ref())),
            });
        }
        Ok(previous)
    }

    /// Moves `entries` to a key after the index `unreadable` that RocksDB can read, and returns the index from which
    /// RocksDB can read again: that of the key or, if the key is not a log key of the group, an index that sorts before
    /// the key. Returns `None` if RocksDB can read no later key. RocksDB reads blocks of many entries, so this function
    /// skips ahead in steps that double until it is past the damaged blocks.
    fn seek_readable(&self, entries: &mut DBRawIterator<'_>, unreadable: u64) -> Option<u64> {
        let mut step = 1u64;
        loop {
            let index = unreadable.checked_add(step)?;
            entries.seek(self.columns.keys().log_key(index).as_ref());
            if let Some(key) = entries.key() {
                return Some(self.columns.keys().log_index(key).unwrap_or(index));
            }
            if entries.status().is_ok() {
                return None;
            }
            step = step.checked_mul(2)?;
        }
    }

    /// Checks that the saved vote is not older than the last entry's leader: a node saves a leader's vote before it
    /// appends that leader's entries. A log that ends at index 0 is not checked, because the node that forms a cluster
    /// writes the first entry, the first membership, before it saves a vote.
    fn check_vote(&mut self, vote: Option<VoteOf<C>>, last: Option<LogIdOf<C>>) {
        let Some(last) = last.filter(|last| last.index > 0) else {
            return;
        };
        if vote
            .as_ref()
            .is_none_or(|vote| vote.leader_id().to_committed() < last.leader_id)
        {
            self.problems.push(Problem::VoteBehind {
                last: last.to_string(),
                vote: display(vote.as_ref()),
            });
        }
    }
}

fn display<T: fmt::Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), T::to_string)
}
