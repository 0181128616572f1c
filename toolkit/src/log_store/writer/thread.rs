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
    /// Whether batches with callbacks are synced. Only tests turn this off.
    sync: bool,
    /// Whether the last batch was written without the sync that a callback needs.
    unsynced: bool,
    /// Whether the queue is closed and empty.
    done: bool,
}

impl WriterThread {
    pub(super) fn new(queue: Arc<Queue>, db: TrackedDb, sync: bool) -> Self {
        Self {
            queue,
            db,
            work: Work::default(),
            patience: Patience::default(),
            sync,
            unsynced: false,
            done: false,
        }
    }

    /// Writes batches until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while self.write_next() {}
        self.done = true;
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
        let sync = self.sync && callers > 0;
        let start = Instant::now();
        let outcome = if self.work.batch.is_empty() && !self.unsynced {
            Ok(())
        } else {
            self.db.write(&mut self.work.batch, sync)
        };
        let took = start.elapsed();
        self.unsynced = self.sync && !sync;
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

impl Drop for WriterThread {
    /// If the thread panicked, fails everything that is still queued, and every later push. The callbacks of the batch
    /// that it was writing get the error too.
    fn drop(&mut self) {
        if !self.done {
            self.queue.fail(&mut self.work, RocksdbLogStoreError::WriterStopped);
        }
    }
}

/// A guard that runs a function when the thread ends, even if the thread panics.
pub(super) struct OnExit<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for OnExit<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use rocksdb::DB;

    use super::super::queue::BatchNumber;
    use super::*;

    /// A panic unwinds through `write_next`, and drops the state of the thread.
    #[test]
    fn a_panic_in_the_middle_of_a_batch_is_reported_to_all_who_wait() {
        let dir = tempfile::tempdir().unwrap();
        let db = Arc::new(DB::open_default(dir.path()).unwrap());
        let queue = Arc::new(Queue::new(1 << 20));
        let mut thread = WriterThread::new(queue.clone(), TrackedDb::start(db).unwrap(), true);
        let (tx, rx) = mpsc::channel();
        let push = |name: &'static str| {
            let tx = tx.clone();
            let callback = Box::new(move |outcome| tx.send((name, outcome)).unwrap());
            queue.push(BatchNumber::default(), None, Some(callback), |_| {})
        };
        push("being written").unwrap();
        thread.queue.take(&mut thread.work).unwrap();
        push("queued").unwrap();

        drop(thread);

        for name in ["being written", "queued"] {
            let (told, outcome) = rx.try_recv().unwrap();
            assert_eq!(told, name);
            assert!(is_writer_stopped(outcome.unwrap_err()));
        }
        assert!(is_writer_stopped(push("too late").unwrap_err()));
    }

    fn is_writer_stopped(error: RocksdbLogStoreError) -> bool {
        matches!(error, RocksdbLogStoreError::WriteFailed(why) if matches!(*why, RocksdbLogStoreError::WriterStopped))
    }
}
