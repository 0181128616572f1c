//! Reading a range of entries: the part that RocksDB has, then the part in the tail.

use std::sync::Mutex;

use openraft::RaftTypeConfig;
use rocksdb::{DB, DBRawIterator};

use super::state::State;
use crate::log_store::encoded::Record;
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::group_columns::{GroupColumns, cf_handle};
use crate::log_store::key_space::KeySpace;
use crate::support::lock::lock;
use crate::support::span::Span;

/// Reads the entries of `range` that the log contains, in order. Stops early once the encoded values of the entries
/// reach `max_bytes`. At least one entry is returned, if the log contains any of `range`.
pub(super) fn read<C: RaftTypeConfig, K: KeySpace>(
    db: &DB,
    columns: &GroupColumns<C, K>,
    state: &Mutex<State<C>>,
    range: Span,
    max_bytes: usize,
) -> Result<Vec<C::Entry>, RocksdbLogStoreError> {
    let Snapshot { on_disk, in_tail } = Snapshot::take(db, columns, state, range, max_bytes)?;
    let mut entries = Vec::with_capacity(on_disk.as_ref().map_or(0, |(span, _)| span.capacity()) + in_tail.len());
    let mut budget = Budget::new(max_bytes);

    if let Some((span, mut stored)) = on_disk {
        stored.seek_to_first();
        for index in span.first..=span.last {
            if budget.is_spent() {
                return Ok(entries);
            }
            let Some(value) = value_at(columns.keys(), index, &stored) else {
                stored.status()?;
                return Err(columns.missing(index));
            };
            entries.push(columns.decode(index, value)?);
            budget.spend(value.len());
            stored.next();
        }
    }
    for (index, record) in in_tail {
        if budget.is_spent() {
            break;
        }
        entries.push(columns.decode(index, record.value())?);
        budget.spend(record.value().len());
    }
    Ok(entries)
}

/// The entries of a range at one moment. Later truncations and purges do not change it.
struct Snapshot<'d> {
    /// The part that RocksDB has, and an iterator over it.
    on_disk: Option<(Span, DBRawIterator<'d>)>,
    /// The part in the tail, or only its first records if a read cannot return more of them.
    in_tail: Vec<(u64, Record)>,
}

impl<'d> Snapshot<'d> {
    fn take<C: RaftTypeConfig, K: KeySpace>(
        db: &'d DB,
        columns: &GroupColumns<C, K>,
        state: &Mutex<State<C>>,
        range: Span,
        max_bytes: usize,
    ) -> Result<Self, RocksdbLogStoreError> {
        let cf = cf_handle!(db, columns.log_cf())?;
        let state = lock(state);
        let Some(range) = state.span().and_then(|span| span.intersect(range)) else {
            return Ok(Self {
                on_disk: None,
                in_tail: Vec::new(),
            });
        };
        let tail_first = state.tail().first();
        // RocksDB has all entries before the tail. Create the iterator while the state is locked: an iterator reads the
        // database as it was when the iterator was created, so this iterator does not see later purges and truncations.
        // This does not wait for the disk: RocksDB opens table files only when an iterator is positioned.
        let on_disk = match tail_first {
            None => Some(range),
            Some(first) => range.before(first),
        };
        let on_disk = on_disk.map(|span| (span, db.raw_iterator_cf_opt(&cf, columns.bounds(span))));
        let in_tail = tail_first.and_then(|first| range.from(first));
        let in_tail = in_tail.map_or_else(Vec::new, |span| {
            let mut records = Vec::with_capacity(span.capacity());
            // Copy no more of the tail than the read can return, because the state stays locked meanwhile.
            let mut budget = Budget::new(max_bytes);
            for (index, record) in (span.first..=span.last).zip(state.tail().iter_from(span.first)) {
                if budget.is_spent() {
                    break;
                }
                records.push((index, record.clone()));
                budget.spend(record.value().len());
            }
            records
        });
        Ok(Self { on_disk, in_tail })
    }
}

/// Returns the current value of the iterator if its key is that of `index`.
fn value_at<'i, K: KeySpace>(keys: &K, index: u64, stored: &'i DBRawIterator<'_>) -> Option<&'i [u8]> {
    let (key, value) = stored.item()?;
    (key == keys.log_key(index).as_ref()).then_some(value)
}

/// How many more bytes of encoded values a read may return. The last value may exceed the budget, so that an entry of
/// any size can be read.
struct Budget {
    left: usize,
}

impl Budget {
    fn new(bytes: usize) -> Self {
        Self { left: bytes.max(1) }
    }

    fn is_spent(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}
