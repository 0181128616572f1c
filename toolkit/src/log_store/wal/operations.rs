//! The operations of a batch, as they are in the WAL.
//!
//! ```text
//! batch:     sequence: u64 | count: u32 | operations
//! operation: type: u8 | number of the column family: varint, in some types | operands: byte strings
//! ```

use super::fields::Fields;

/// The length in bytes of the header of a batch: RocksDB's sequence number, and the count of operations.
pub(super) const BATCH_HEADER: usize = 12;

/// RocksDB's type of an operation that goes into the WAL and nowhere else (`kTypeLogData`).
pub(super) const LOG_DATA: u8 = 3;

/// Returns the log data in a batch. Stops at the first operation of an unknown type.
///
/// If several writers write at the same time, RocksDB puts the operations of all their batches into one record of the
/// WAL. So the log data may be anywhere among the operations of other writers.
pub(super) fn log_data(batch: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields(batch.get(BATCH_HEADER..).unwrap_or_default());
    std::iter::from_fn(move || operation(&mut fields)).flatten()
}

/// Reads one operation. Returns its operand if it is log data, and `Some(None)` if it is of another type. Returns `None`
/// at the end, or if the operation cannot be read.
fn operation<'a>(fields: &mut Fields<'a>) -> Option<Option<&'a [u8]>> {
    // The types are RocksDB's `ValueType`s, in `db/dbformat.h`.
    let kind = fields.byte()?;
    let (has_column_family, operands) = match kind {
        LOG_DATA => return fields.string().map(Some),
        // Deletion, SingleDeletion
        0x0 | 0x7 => (false, 1),
        0x4 | 0x8 => (true, 1),
        // Value, Merge, RangeDeletion, BlobIndex, WideColumnEntity, ValuePreferredSeqno
        0x1 | 0x2 | 0xF | 0x11 | 0x16 | 0x18 => (false, 2),
        0x5 | 0x6 | 0xE | 0x10 | 0x17 | 0x19 => (true, 2),
        // BeginPrepareXID, Noop, BeginPersistedPrepareXID, BeginUnprepareXID
        0x9 | 0xD | 0x12 | 0x13 => (false, 0),
        // EndPrepareXID, CommitXID, RollbackXID
        0xA..=0xC => (false, 1),
        // CommitXIDAndTimestamp
        0x15 => (false, 2),
        _ => return None,
    };
    if has_column_family {
        fields.varint()?;
    }
    for _ in 0..operands {
        fields.string()?;
    }
    Some(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rocksdb::{DB, Options, WriteBatch};

    use super::*;

    #[test]
    fn log_data_is_found_among_all_other_operations() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let db = DB::open_cf(&options, dir.path(), ["one"]).unwrap();
        let cf = db.cf_handle("one").unwrap();
        let value = vec![3; 300];

        let mut batch = WriteBatch::default();
        batch.put(b"k", &value);
        batch.put_cf(&cf, b"k", &value);
        batch.delete(b"k");
        batch.delete_cf(&cf, b"k");
        batch.put_log_data(b"first");
        batch.single_delete(b"k");
        batch.single_delete_cf(&cf, b"k");
        batch.merge(b"k", &value);
        batch.merge_cf(&cf, b"k", &value);
        batch.delete_range(b"a".as_slice(), b"b".as_slice());
        batch.delete_range_cf(&cf, b"a", b"b");
        batch.put_log_data(b"");
        batch.put_log_data(b"last");

        let found: Vec<_> = log_data(batch.data()).collect();
        assert_eq!(found, [b"first".as_slice(), b"", b"last"]);
    }

    #[test]
    fn a_batch_that_is_cut_short_yields_the_log_data_before_the_cut() {
        let mut batch = WriteBatch::default();
        batch.put_log_data(b"first");
        batch.put(b"k", [9; 10]);
        for length in 0..batch.data().len() {
            let found = log_data(&batch.data()[..length]).count();
            assert_eq!(found, usize::from(length >= BATCH_HEADER + 2 + 5), "{length}");
        }
    }
}
