//! The write path: one queue and one thread for each database, however many groups share it.
//!
//! Callers leave operations and callbacks in the queue and go on. The thread takes all that is
//! queued as one `WriteBatch`, writes it, completes the callbacks, and starts over: while one
//! write is in flight the next batch gathers, so that batches size themselves.
//!
//! Durability rests on order: one queue, one thread and one WAL keep all operations in the order
//! in which they were queued, and a synced write syncs everything before it in the WAL. So a
//! batch is synced only when somebody waits for it, and an operation that nobody waits for
//! (purge, save_committed) is durable with the next one that somebody does.

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::mem;
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

use rocksdb::DB;

use super::RocksdbLogStoreError;
use super::record::Record;
use super::synced::SyncedWriter;

/// Bytes that are queued or being written before `ready` makes callers wait.
const QUEUE_BYTES: usize = 32 << 20;

/// Called once with the outcome of the write: the batch, which RocksDB has now with all before it,
/// or why nothing is written any more.
pub(super) type Done = Box<dyn FnOnce(Result<u64, RocksdbLogStoreError>) + Send>;

/// The name of a column family.
pub(super) type CfName = Arc<str>;

pub(super) enum Op {
    Put(CfName, Record),
    Delete(CfName, Box<[u8]>),
    /// From a key to another, excluded.
    DeleteRange(CfName, Box<[u8]>, Box<[u8]>),
}

impl Op {
    fn size(&self) -> usize {
        match self {
            Self::Put(_, record) => record.size(),
            Self::Delete(_, key) => key.len(),
            Self::DeleteRange(_, from, to) => from.len() + to.len(),
        }
    }
}

/// A handle on the writer of one database. The last one that is dropped writes out the queue and
/// ends the thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Deref for Writer {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

pub(super) struct Shared {
    db: Arc<DB>,
    queue: Mutex<Queue>,
    /// Tells the thread that there is work.
    work: Condvar,
    claims: Mutex<HashSet<Key>>,
    group_count: AtomicUsize,
}

/// A key in a column family.
type Key = (CfName, Box<[u8]>);

/// A log key and a meta key that only one group can have.
pub(super) type Claim = [Key; 2];

#[derive(Default)]
struct Queue {
    ops: Vec<Op>,
    done: Vec<Done>,
    /// The number of the batch that is gathering: one more than those taken.
    batch: u64,
    /// Bytes of all operations that are queued or being written.
    bytes: usize,
    /// Who waits for `bytes` to fall.
    waiting: Vec<Waker>,
    closed: bool,
    failed: Option<Arc<RocksdbLogStoreError>>,
}

/// What the thread writes at once.
struct Batch {
    number: u64,
    ops: Vec<Op>,
    done: Vec<Done>,
    bytes: usize,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.done.is_empty()
    }

    fn check(&self) -> Result<(), RocksdbLogStoreError> {
        match &self.failed {
            None => Ok(()),
            Some(e) => Err(RocksdbLogStoreError::WriteFailed(e.clone())),
        }
    }
}

static WRITERS: LazyLock<Mutex<HashMap<usize, Weak<Writer>>>> = LazyLock::new(Mutex::default);
/// Signalled when a writer has left `WRITERS`.
static WRITER_GONE: Condvar = Condvar::new();

impl Writer {
    /// The writer of `db`: the one that runs, or a new one.
    pub(super) fn of(db: &Arc<DB>) -> Result<Arc<Self>, RocksdbLogStoreError> {
        let id = Arc::as_ptr(db) as usize;
        let mut writers = lock(&WRITERS);
        while let Some(writer) = writers.get(&id) {
            if let Some(writer) = writer.upgrade() {
                return Ok(writer);
            }
            // It is writing out its queue: what it writes must be there before we read.
            writers = WRITER_GONE.wait(writers).unwrap_or_else(PoisonError::into_inner);
        }

        let synced = SyncedWriter::of(db)?;
        let shared = Arc::new(Shared {
            db: db.clone(),
            queue: Mutex::new(Queue {
                batch: 1,
                ..Queue::default()
            }),
            work: Condvar::new(),
            claims: Mutex::default(),
            group_count: AtomicUsize::new(0),
        });
        let of_thread = shared.clone();
        let thread = thread::Builder::new()
            .name("raft-log-writer".into())
            .spawn(move || {
                let exit = Exit { shared: of_thread, id };
                exit.shared.run(synced);
            })
            .map_err(RocksdbLogStoreError::Thread)?;
        let writer = Arc::new(Self {
            shared,
            thread: Some(thread),
        });
        writers.insert(id, Arc::downgrade(&writer));
        Ok(writer)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.work.notify_one();
        // A callback that drops the last store runs on the thread itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread was reported to the callbacks and on standard error.
            let _ = thread.join();
        }
    }
}

/// Leaves nobody waiting when the thread ends, also by a panic.
struct Exit {
    shared: Arc<Shared>,
    id: usize,
}

impl Drop for Exit {
    fn drop(&mut self) {
        self.shared.fail(Vec::new(), || RocksdbLogStoreError::WriterStopped);
        lock(&WRITERS).remove(&self.id);
        WRITER_GONE.notify_all();
    }
}

impl Shared {
    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    /// How many groups are open.
    pub(super) fn group_count(&self) -> usize {
        self.group_count.load(Ordering::Relaxed)
    }

    /// Makes the group the caller's own; `false` when either of its keys has an owner.
    pub(super) fn claim(&self, claim: &Claim) -> bool {
        let mut claims = lock(&self.claims);
        let free = !claim.iter().any(|key| claims.contains(key));
        if free {
            claims.extend(claim.iter().cloned());
            self.group_count.fetch_add(1, Ordering::Relaxed);
        }
        free
    }

    /// Gives up a claim.
    pub(super) fn release(&self, claim: &Claim) {
        let mut claims = lock(&self.claims);
        for key in claim {
            claims.remove(key);
        }
        self.group_count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until the queue is below its budget.
    pub(super) async fn ready(&self) -> Result<(), RocksdbLogStoreError> {
        poll_fn(|cx| {
            let mut queue = lock(&self.queue);
            queue.check()?;
            if queue.bytes < QUEUE_BYTES {
                return Poll::Ready(Ok(()));
            }
            if !queue.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                queue.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Queues `ops`, and `done` to be called once they are synced. Without `done` they are
    /// written soon, and are durable with the next operation that has one.
    ///
    /// Returns the batch that carries them. An error means that nothing was queued; `done` is
    /// dropped then.
    pub(super) fn push(
        &self,
        ops: impl IntoIterator<Item = Op>,
        done: Option<Done>,
    ) -> Result<u64, RocksdbLogStoreError> {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        queue.check()?;
        let idle = queue.is_empty();
        for op in ops {
            queue.bytes += op.size();
            queue.ops.push(op);
        }
        queue.done.extend(done);
        let batch = queue.batch;
        drop(guard);
        if idle {
            self.work.notify_one();
        }
        Ok(batch)
    }

    /// Waits, blocking, until all that was queued before is written.
    pub(super) fn drain(&self) -> Result<(), RocksdbLogStoreError> {
        self.push_and_wait([])
    }

    /// As [`push`](Self::push), and waits, blocking, until `ops` are synced.
    pub(super) fn push_and_wait(&self, ops: impl IntoIterator<Item = Op>) -> Result<(), RocksdbLogStoreError> {
        let (tx, rx) = mpsc::channel();
        self.push(ops, Some(Box::new(move |result| drop(tx.send(result)))))?;
        rx.recv().map_err(|_| RocksdbLogStoreError::WriterStopped)??;
        Ok(())
    }

    /// The thread: writes batches until the queue is closed and empty.
    fn run(&self, mut writer: SyncedWriter) {
        let mut unsynced = false;
        while let Some(Batch {
            number,
            ops,
            done,
            bytes,
        }) = self.take()
        {
            let sync = !done.is_empty();
            let outcome = if ops.is_empty() && !unsynced {
                Ok(())
            } else {
                self.write(&mut writer, ops, sync)
            };
            unsynced = !sync;
            if let Err(e) = outcome {
                tracing::error!(path = %self.db.path().display(), error = %e, "log write failed, no more writes");
                self.fail(done, || e);
                continue;
            }
            let waiting = {
                let mut queue = lock(&self.queue);
                queue.bytes -= bytes;
                mem::take(&mut queue.waiting)
            };
            done.into_iter().for_each(|done| isolate(|| done(Ok(number))));
            waiting.into_iter().for_each(|waker| isolate(|| waker.wake()));
        }
    }

    /// All that is queued, as soon as there is any; `None` at the end.
    fn take(&self) -> Option<Batch> {
        let queue = lock(&self.queue);
        let mut queue = self
            .work
            .wait_while(queue, |q| q.is_empty() && !q.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.is_empty() {
            return None;
        }
        let number = queue.batch;
        queue.batch += 1;
        Some(Batch {
            number,
            ops: mem::take(&mut queue.ops),
            done: mem::take(&mut queue.done),
            // The batch before this one is written, so all that is counted is in this one.
            bytes: queue.bytes,
        })
    }

    fn write(&self, writer: &mut SyncedWriter, ops: Vec<Op>, sync: bool) -> Result<(), RocksdbLogStoreError> {
        let mut batch = writer.batch()?;
        // Most operations of a batch name the same two column families.
        let mut handles = Vec::with_capacity(2);
        for op in ops {
            let (Op::Put(name, _) | Op::Delete(name, _) | Op::DeleteRange(name, ..)) = &op;
            if !handles.iter().any(|(known, _)| known == name)
                && let Some(handle) = self.db.cf_handle(name)
            {
                handles.push((name.clone(), handle));
            }
            let Some((_, cf)) = handles.iter().find(|(known, _)| known == name) else {
                return Err(RocksdbLogStoreError::MissingColumnFamily(name.to_string()));
            };
            match &op {
                Op::Put(_, record) => batch.put_cf(cf, record.key(), record.value()),
                Op::Delete(_, key) => batch.delete_cf(cf, key),
                Op::DeleteRange(_, from, to) => batch.delete_range_cf(cf, from, to),
            }
        }
        writer.write(&self.db, batch, sync)
    }

    /// Ends all writing. `done` and all that is queued get the error; so does every later call.
    fn fail(&self, done: Vec<Done>, error: impl FnOnce() -> RocksdbLogStoreError) {
        let (queued, waiting, error) = {
            let mut queue = lock(&self.queue);
            let error = queue.failed.get_or_insert_with(|| Arc::new(error())).clone();
            queue.ops.clear();
            (mem::take(&mut queue.done), mem::take(&mut queue.waiting), error)
        };
        for done in done.into_iter().chain(queued) {
            isolate(|| done(Err(RocksdbLogStoreError::WriteFailed(error.clone()))));
        }
        waiting.into_iter().for_each(|waker| isolate(|| waker.wake()));
    }
}

/// Runs what may be another's code, a waker above all. Its panic, which is reported on standard
/// error, must not keep the other groups of the database from being told.
fn isolate(run: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(run));
}

/// Locks; a panic elsewhere does not matter, as no code of ours or the user's panics half-way
/// through a change of what the locks guard.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
