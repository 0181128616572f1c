//! Encoding the entries of an append, in buffers that the next append reuses.

use std::sync::Arc;

use openraft::RaftTypeConfig;
use openraft::alias::LogIdOf;
use openraft::entry::RaftEntry;

use crate::codec::WriteVersion;
use crate::log_store::encoded::{MAX_APPEND, RecordRange, is_too_large_append};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::group_columns::GroupColumns;
use crate::log_store::key_space::KeySpace;

/// The capacity, in bytes, that the buffer for encoding may keep between two appends.
const KEPT_BUFFER: usize = 64 << 10;

/// The buffers of an append. While an append runs, it owns them.
pub(super) struct Scratch<C: RaftTypeConfig> {
    buffer: Vec<u8>,
    entries: Vec<(LogIdOf<C>, RecordRange)>,
}

impl<C: RaftTypeConfig> Default for Scratch<C> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<C: RaftTypeConfig> Scratch<C> {
    /// Encodes the entries of an append into the returned buffer. [`entries`](Self::entries) then tells where each of
    /// them is. They are encoded at `level`, or without a level at the newest version of their types.
    pub(super) fn encode<K: KeySpace>(
        &mut self,
        columns: &GroupColumns<C, K>,
        entries: impl IntoIterator<Item = C::Entry>,
        level: Option<&WriteVersion>,
    ) -> Result<Arc<[u8]>, RocksdbLogStoreError> {
        let Self { buffer, entries: done } = self;
        buffer.clear();
        done.clear();
        for entry in entries {
            let range = match level {
                Some(level) => level.scope(|| columns.encode_entry(&entry, buffer)),
                None => columns.encode_entry(&entry, buffer),
            }?;
            done.push((entry.log_id(), range));
            if is_too_large_append(buffer.len()) {
                return Err(RocksdbLogStoreError::AppendTooLarge {
                    group: columns.name(),
                    limit: MAX_APPEND,
                });
            }
        }
        let encoded = Arc::from(buffer.as_slice());
        // Shrink the buffer: otherwise, after one huge append, this group would keep that much memory.
        buffer.clear();
        buffer.shrink_to(KEPT_BUFFER);
        Ok(encoded)
    }

    /// Returns the log id of each encoded entry, and where the entry is in the buffer that was returned.
    pub(super) fn entries(&self) -> &[(LogIdOf<C>, RecordRange)] {
        &self.entries
    }
}
