//! The thread that writes: it takes a batch from the queue, writes it, calls the callbacks, and starts over.

use std::sync::Arc;
use std::time::Instant;

use super::patience::Patience;
use super::queue::{Queue, Work};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::synced::TrackedDb;

/// The state of the thread.
pub(super) struct WriterThread {
    queue: Arc<Queue>,
    db: TrackedDb,
    work: Work,
    patience: Patience,
    /// Whether the last batch was written without a sync.
    unsynced: bool,
}

impl WriterThread {
    pub(super) fn new(queue: Arc<Queue>, db: TrackedDb) -> Self {
        Self {
            queue,
            db,
            work: Work::default(),
            patience: Patience::default(),
            unsynced: false,
        }
    }

    /// Writes batches until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while self.write_next() {}
    }

    /// Waits for a batch, writes it and calls its callbacks. Returns `false` once the queue is closed and empty.
    fn write_next(&mut self) -> bool {
        let Some(number) = self.queue.take(&mut self.work) else {
            return false;
        };
        // Sync only if the batch has a callback, because a caller waits for the callback. A batch without a callback
        // becomes durable with the next batch that is synced, because a sync covers everything that was written before
        // it, including earlier WALs.
        let callers = self.work.callbacks.len();
        let sync = callers > 0;
        let start = Instant::now();
        let outcome = if self.work.batch.is_empty() && !self.unsynced {
            Ok(())
        } else {
            self.db.write(&mut self.work.batch, sync)
        };
        let took = start.elapsed();
        self.unsynced = !sync;
        match outcome {
            Ok(()) => {
                self.queue.written(&mut self.work, number);
                if callers > 0 {
                    self.patience.wait(took, || self.queue.callback_count() >= callers);
                }
            }
            Err(error) => {
                let path = self.db.db().path().display();
                tracing::error!(%path, %error, "log write failed, no more writes");
                self.queue.fail(&mut self.work, error);
            }
        }
        true
    }
}

/// A guard that, when dropped, fails everything that is still queued and every later push, and then runs `on_exit`. The
/// guard lives as long as the thread, so that this happens even if the thread panics.
pub(super) struct Exit<F: FnMut()> {
    pub(super) queue: Arc<Queue>,
    pub(super) on_exit: F,
}

impl<F: FnMut()> Drop for Exit<F> {
    fn drop(&mut self) {
        self.queue
            .fail(&mut Work::default(), RocksdbLogStoreError::WriterStopped);
        (self.on_exit)();
    }
}
