//! Finds the running writer of a database, and remembers a failed one.
//!
//! The registry is generic: a registry of `Writer`s would have to import `writer/mod.rs`, which imports this file.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use rocksdb::DB;

use super::queue::Queue;
use crate::log_store::error::RocksdbLogStoreError;
use crate::support::lock::lock;

/// The writers of all open databases, by the address of the `DB` in memory.
///
/// A writer has two parts: the handle `T`, which the open groups share, and the thread. Which of the two ends first
/// depends on whether the queue is closed while groups are open. The next writer can start once both have ended.
///
/// If a write failed, no writer starts again for this `DB`: RocksDB's memory and its files may differ for as long as
/// the `DB` lives.
pub(super) struct Registry<T> {
    slots: Mutex<HashMap<usize, Slot<T>>>,
    /// Notified when a writer has started or ended.
    changed: Condvar,
}

struct Slot<T> {
    /// Keeps the address from being used for another `DB` while the slot exists.
    db: Weak<DB>,
    writer: Stage<T>,
}

enum Stage<T> {
    /// A call of [`Registry::get_or_start`] is starting the writer. It does not hold the lock, because it waits for the
    /// disk.
    Starting,
    Started {
        handle: Weak<T>,
        queue: Arc<Queue>,
        thread_ended: bool,
    },
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl<T> Registry<T> {
    /// Returns the key of a database, which no other database has while the registry remembers this one.
    pub(super) fn key(db: &Arc<DB>) -> usize {
        Arc::as_ptr(db) as usize
    }

    /// Returns the handle of the writer of `db`, or starts a writer with `start`. Blocks while another call starts the
    /// writer, or while an earlier writer of `db` writes out its queue.
    ///
    /// # Errors
    ///
    /// The error of `start`, or [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if an earlier writer of `db` failed.
    pub(super) fn get_or_start(
        &self,
        db: &Arc<DB>,
        start: impl FnOnce() -> Result<(T, Arc<Queue>), RocksdbLogStoreError>,
    ) -> Result<Arc<T>, RocksdbLogStoreError> {
        let key = Self::key(db);
        let mut slots = lock(&self.slots);
        while let Some(slot) = slots.get(&key) {
            if let Stage::Started {
                handle,
                queue,
                thread_ended,
            } = &slot.writer
            {
                if let Some(handle) = handle.upgrade() {
                    return Ok(handle);
                }
                if *thread_ended {
                    queue.check_not_failed()?;
                }
            }
            slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
        // Forget failed writers whose databases are gone.
        slots.retain(|_, slot| slot.db.strong_count() > 0);
        let writer = Stage::Starting;
        let db = Arc::downgrade(db);
        slots.insert(key, Slot { db, writer });
        drop(slots);

        let starting = StartingSlot { registry: self, key };
        let (handle, queue) = start()?;
        let handle = Arc::new(handle);
        starting.started(Arc::downgrade(&handle), queue);
        Ok(handle)
    }

    /// Returns the handle of the writer of `db`, if anyone has it.
    pub(super) fn handle(&self, db: &Arc<DB>) -> Option<Arc<T>> {
        match &lock(&self.slots).get(&Self::key(db))?.writer {
            Stage::Starting => None,
            Stage::Started { handle, .. } => handle.upgrade(),
        }
    }

    /// Returns the queue of the writer of `db`, if there is a writer. It may have failed, or be ending.
    pub(super) fn queue(&self, db: &Arc<DB>) -> Option<Arc<Queue>> {
        match &lock(&self.slots).get(&Self::key(db))?.writer {
            Stage::Starting => None,
            Stage::Started { queue, .. } => Some(queue.clone()),
        }
    }

    /// Reports that the thread of the writer under `key` has ended.
    pub(super) fn thread_ended(&self, key: usize) {
        let mut slots = lock(&self.slots);
        // The thread may end before its start is recorded.
        while let Some(Slot {
            writer: Stage::Starting,
            ..
        }) = slots.get(&key)
        {
            slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(Slot {
            writer: Stage::Started { thread_ended, .. },
            ..
        }) = slots.get_mut(&key)
        {
            *thread_ended = true;
        }
        self.remove_if_ended(slots, key);
    }

    /// Reports that a handle of the writer under `key` is being dropped.
    pub(super) fn handle_dropped(&self, key: usize) {
        self.remove_if_ended(lock(&self.slots), key);
    }

    /// Removes the writer under `key` if both of its parts have ended, unless it failed.
    fn remove_if_ended(&self, mut slots: MutexGuard<'_, HashMap<usize, Slot<T>>>, key: usize) {
        if let Some(Slot {
            writer:
                Stage::Started {
                    handle,
                    queue,
                    thread_ended: true,
                },
            ..
        }) = slots.get(&key)
            && handle.strong_count() == 0
            && queue.check_not_failed().is_ok()
        {
            slots.remove(&key);
        }
        drop(slots);
        self.changed.notify_all();
    }
}

/// A slot whose writer is being started. Dropping it frees the slot, unless the writer was started.
struct StartingSlot<'r, T> {
    registry: &'r Registry<T>,
    key: usize,
}

impl<T> StartingSlot<'_, T> {
    fn started(self, handle: Weak<T>, queue: Arc<Queue>) {
        if let Some(slot) = lock(&self.registry.slots).get_mut(&self.key) {
            slot.writer = Stage::Started {
                handle,
                queue,
                thread_ended: false,
            };
        }
    }
}

impl<T> Drop for StartingSlot<'_, T> {
    fn drop(&mut self) {
        let mut slots = lock(&self.registry.slots);
        if let Some(Slot {
            writer: Stage::Starting,
            ..
        }) = slots.get(&self.key)
        {
            slots.remove(&self.key);
        }
        drop(slots);
        self.registry.changed.notify_all();
    }
}
