//! The write path: one queue and one thread for each database, however many groups share it.
//!
//! A group pushes operations and a callback into the queue, and the push returns at once. The thread takes everything
//! that is queued as one batch, writes the batch through [`TrackedDb`](super::synced::TrackedDb), and calls the
//! callbacks.
//!
//! - this file: the handle that groups hold, and the start and end of the thread.
//! - [`registry`]: one writer for each database.
//! - [`claims`]: which group owns which keys.
//! - [`queue`]: what waits for the thread, and the callbacks. Its budget in bytes decides when an append may start.
//! - [`thread`](mod@thread): the loop that writes.
//! - [`patience`]: the pause between two batches.
//!
//! # What durability relies on
//!
//! - Because there is one queue and one thread, operations are written in the order in which they were pushed.
//! - A sync makes everything durable that was written before, because RocksDB syncs earlier WALs together with the
//!   newest one. So an operation without a callback (`save_committed`, and a purge that leaves the last log id as it
//!   is) becomes durable at the latest together with the next operation that has a callback.
//! - A failed write is final: its error goes to the callbacks of the batch, to every callback in the queue, and to
//!   every later write.

pub(super) mod claims;
mod patience;
pub(super) mod queue;
mod registry;
mod thread;

use std::sync::{Arc, LazyLock, mpsc};
use std::thread::{Builder, JoinHandle, current};

use rocksdb::DB;

use self::claims::Claims;
use self::queue::{BatchNumber, Callback, Queue};
use self::registry::Registry;
use self::thread::{OnExit, WriterThread};
use super::error::RocksdbLogStoreError;
use super::synced::TrackedDb;
use super::synced::options::columns::{Column, ColumnsCheck};
use super::wal::batch::Batch;

/// The writer of each open database, by the address of the `DB` in memory.
static WRITERS: LazyLock<Registry<Writer>> = LazyLock::new(Registry::default);

/// A handle on the writer of one database. When the last group drops its handle, the queue is written out and the
/// thread ends.
pub(super) struct Writer {
    db: Arc<DB>,
    queue: Arc<Queue>,
    claims: Claims,
    columns: ColumnsCheck,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Returns the writer of `db`, and starts it if none is running. Blocks while an earlier writer of `db` writes out
    /// its queue, because the caller must be able to read those writes.
    pub(super) fn for_db(db: &Arc<DB>) -> Result<Arc<Self>, RocksdbLogStoreError> {
        let key = Arc::as_ptr(db) as usize;
        WRITERS.get_or_start(key, || Self::start(db, move || WRITERS.remove(key)))
    }

    /// Returns the writer of `db` if one is running.
    pub(super) fn running(db: &Arc<DB>) -> Option<Arc<Self>> {
        WRITERS.get(Arc::as_ptr(db) as usize)
    }

    fn start(db: &Arc<DB>, on_exit: impl FnMut() + Send + 'static) -> Result<Self, RocksdbLogStoreError> {
        let queue = Arc::new(Queue::default());
        let thread = WriterThread::new(queue.clone(), TrackedDb::start(db.clone())?);
        let handle = Builder::new()
            .name("raft-log-writer".into())
            .spawn(move || {
                // When `run` ends, it drops the `TrackedDb`, and so releases the lock on the account. `_on_exit` is
                // dropped after that. Only then can the next writer start, because it needs the lock.
                let _on_exit = OnExit(on_exit);
                thread.run();
            })
            .map_err(RocksdbLogStoreError::Thread)?;
        Ok(Self {
            db: db.clone(),
            queue,
            claims: Claims::default(),
            columns: ColumnsCheck::default(),
            thread: Some(handle),
        })
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    /// Checks the options of a group's column families: see [`ColumnsCheck::run`].
    pub(super) fn check_columns(&self, log: Column<'_>, meta: Column<'_>) -> Result<(), RocksdbLogStoreError> {
        self.columns.run(&self.db, log, meta)
    }

    /// Returns which keys belong to which groups.
    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Waits until the queue has room: see [`Queue::room`].
    pub(super) async fn room(&self) -> Result<(), RocksdbLogStoreError> {
        self.queue.room().await
    }

    /// Queues operations: see [`Queue::push`].
    pub(super) fn push(
        &self,
        callback: Option<Callback>,
        fill: impl FnOnce(&mut Batch),
    ) -> Result<BatchNumber, RocksdbLogStoreError> {
        self.queue.push(callback, fill)
    }

    /// Blocks until everything that was queued before is written.
    pub(super) fn drain(&self) -> Result<(), RocksdbLogStoreError> {
        match self.queue.is_written()? {
            true => Ok(()),
            false => self.push_and_wait(|_| {}),
        }
    }

    /// Queues operations, and blocks until they are durable.
    pub(super) fn push_and_wait(&self, fill: impl FnOnce(&mut Batch)) -> Result<(), RocksdbLogStoreError> {
        let (tx, rx) = mpsc::channel();
        self.push(Some(Box::new(move |outcome| drop(tx.send(outcome)))), fill)?;
        rx.recv().map_err(|_| RocksdbLogStoreError::WriterStopped)??;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        // The last handle may be dropped by a callback, on the writer's own thread, which cannot wait for its own end.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != current().id()
        {
            // Ignore a panic of the thread: Rust's panic hook has reported it, and the drop of the `WriterThread` has
            // failed the queue.
            let _ = thread.join();
        }
    }
}
