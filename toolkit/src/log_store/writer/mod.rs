//! The write path: one queue and one thread for each database, however many groups share it.
//!
//! A group pushes operations and a callback into the queue, and the push returns at once. The thread takes one batch
//! after the other, writes it through [`TrackedDb`](super::synced::TrackedDb), and calls the callbacks.
//!
//! - this file: the handle that groups hold, and the start and end of the thread.
//! - [`registry`]: one writer for each database.
//! - [`claims`]: which group owns which keys.
//! - [`tails`]: how much memory each group may use for its newest entries.
//! - [`queue`]: what waits for the thread, and the callbacks.
//! - [`budget`]: how many bytes of appends may be queued, and which append is admitted next.
//! - [`thread`](mod@thread): the loop that writes.
//! - [`patience`]: the pause between two batches.
//!
//! # What durability relies on
//!
//! - Because there is one queue and one thread, the operations of a group are written in the order in which they were
//!   pushed.
//! - A sync makes everything durable that was written before, because RocksDB syncs earlier WALs together with the
//!   newest one. So an operation without a callback (`save_committed`, and a purge that leaves the last log id as it
//!   is) becomes durable at the latest together with the next operation of its group that has a callback.
//! - A failed write is final for as long as the `DB` lives: its error goes to the callbacks of the batch, to every
//!   callback in the queue, and to every later write and opening.

mod budget;
pub(super) mod claims;
mod patience;
pub(super) mod queue;
mod registry;
pub(super) mod tails;
mod thread;

use std::sync::{Arc, LazyLock, mpsc};
use std::thread::{Builder, JoinHandle, current};

use rocksdb::DB;

use self::claims::Claims;
use self::queue::{BatchNumber, Callback, Queue, Reservation, Turn};
use self::registry::Registry;
use self::tails::{TailOwner, Tails};
use self::thread::{OnExit, WriterThread};
use super::error::RocksdbLogStoreError;
use super::store_options::{StoreOptions, WriterOptions};
use super::synced::TrackedDb;
use super::synced::options::columns::{Column, ColumnsCheck};
use super::wal::batch::Batch;

/// The writer of each open database.
static WRITERS: LazyLock<Registry<Writer>> = LazyLock::new(Registry::default);

/// Closes all log stores of a database: waits until everything that is queued is durable, and ends the writer.
///
/// Use this where a node shuts down in async code. Dropping the last store waits for the same, but blocks its thread.
///
/// - Every write that was started before is acknowledged, or reports its error, before this returns. Appends that still
///   wait for room in the queue fail, and nothing of them is written.
/// - Every later write of a store that is still open fails with [`Closed`](RocksdbLogStoreError::Closed). Reads go on.
/// - When this returns, the lock on the file `RAFT_SYNCED` is released. Once the old stores and their readers are
///   dropped, which then does not block, new stores can be opened on the same `Arc<DB>`. The database itself is closed
///   once the last `Arc<DB>` is dropped.
///
/// If no store is open, or all were closed before, this returns at once. If its future is dropped, the stores are
/// closed all the same.
///
/// # Errors
///
/// [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if a write of these stores has failed, also if that was before
/// this call.
///
/// # Examples
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
/// use openraft_toolkit::log_store::{self, Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let db = open_db(dir.path(), LogDbOptions::default())?;
/// let log = RocksdbLogStore::<Types, _>::open(db.clone(), LOG_CF, META_CF, Flat)?;
/// // Give `log` to a `Raft`, and shut the `Raft` down before this:
/// log_store::close(&db).await?;
/// # drop(log);
/// # Ok(())
/// # }
/// ```
pub async fn close(db: &Arc<DB>) -> Result<(), RocksdbLogStoreError> {
    // Hold the queue alone: if this held the last handle of the writer, dropping the handle would block.
    let Some(queue) = WRITERS.queue(db) else {
        return Ok(());
    };
    queue.close();
    queue.ended().await
}

/// A handle on the writer of one database. When the last group drops its handle, the queue is written out and the
/// thread ends.
pub(super) struct Writer {
    db: Arc<DB>,
    queue: Arc<Queue>,
    claims: Claims,
    columns: ColumnsCheck,
    tails: Tails,
    options: WriterOptions,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Returns the writer of `db`, and starts it with `options` if none is running. Blocks while an earlier writer of
    /// `db` writes out its queue, because the caller must be able to read those writes.
    pub(super) fn for_db(db: &Arc<DB>, options: &StoreOptions) -> Result<Arc<Self>, RocksdbLogStoreError> {
        let writer = WRITERS.get_or_start(db, || {
            let writer = Self::start(db, WriterOptions::new(options))?;
            let queue = writer.queue.clone();
            Ok((writer, queue))
        })?;
        writer.options.check(options)?;
        Ok(writer)
    }

    /// Returns the writer of `db` if one is running.
    pub(super) fn running(db: &Arc<DB>) -> Option<Arc<Self>> {
        WRITERS.handle(db)
    }

    fn start(db: &Arc<DB>, options: WriterOptions) -> Result<Self, RocksdbLogStoreError> {
        let key = Registry::<Self>::key(db);
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let thread = WriterThread::new(queue.clone(), TrackedDb::start(db.clone())?, options.sync);
        let ended = queue.clone();
        let on_exit = move || {
            WRITERS.thread_ended(key);
            ended.end();
        };
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
            tails: Tails::new(options.tail_bytes),
            options,
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

    /// Gives a group that is opened its share of the memory for tails.
    pub(super) fn add_tail<T: TailOwner + 'static>(&self, owner: &Arc<T>) {
        self.tails.add(owner);
    }

    /// Takes back the share of a group that is closed.
    pub(super) fn remove_tail<T: TailOwner + 'static>(&self, owner: &Arc<T>) {
        self.tails.remove(owner);
    }

    /// Waits until no earlier append waits for room: see [`Queue::turn`].
    pub(super) async fn turn(&self) -> Result<Turn<'_>, RocksdbLogStoreError> {
        self.queue.turn().await
    }

    /// Queues operations: see [`Queue::push`].
    pub(super) fn push(
        &self,
        after: BatchNumber,
        reservation: Option<Reservation<'_>>,
        callback: Option<Callback>,
        fill: impl FnOnce(&mut Batch),
    ) -> Result<BatchNumber, RocksdbLogStoreError> {
        self.queue.push(after, reservation, callback, fill)
    }

    /// Blocks until everything that was queued before is written.
    pub(super) fn drain(&self) -> Result<(), RocksdbLogStoreError> {
        match self.queue.is_written()? {
            true => Ok(()),
            false => self.push_and_wait(|_| {}),
        }
    }

    /// Queues operations after everything that is queued, and blocks until they are durable.
    pub(super) fn push_and_wait(&self, fill: impl FnOnce(&mut Batch)) -> Result<(), RocksdbLogStoreError> {
        let (tx, rx) = mpsc::channel();
        let callback = Box::new(move |outcome| drop(tx.send(outcome)));
        self.push(BatchNumber::MAX, None, Some(callback), fill)?;
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
        // After `close`, the thread ended before this.
        WRITERS.handle_dropped(Registry::<Self>::key(&self.db));
    }
}
