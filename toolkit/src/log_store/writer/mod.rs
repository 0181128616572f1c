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
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError, Weak, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rocksdb::DB;

use super::RocksdbLogStoreError;
use super::batch::{Batch, Op};
use super::synced::SyncedWriter;
use crate::support::lock::lock;

/// Bytes that are queued or being written before `ready` makes callers wait.
const QUEUE_BYTES: usize = 32 << 20;

/// Called once with the outcome of the write: the batch, which RocksDB has now with all before it,
/// or why nothing is written any more.
pub(super) type Done = Box<dyn FnOnce(Result<u64, RocksdbLogStoreError>) + Send>;

/// The name of a column family.
pub(super) type CfName = Arc<str>;

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
    /// How many callbacks are queued.
    callers: AtomicUsize,
}

/// A key in a column family.
type Key = (CfName, Box<[u8]>);

/// A log key and a meta key that only one group can have.
pub(super) type Claim = [Key; 2];

#[derive(Default)]
struct Queue {
    gathered: Gathered,
    /// The number of the batch that is gathering: one more than those taken.
    number: u64,
    /// Bytes of the batch that is being written.
    writing: usize,
    /// Who waits for the bytes to get fewer.
    waiting: Vec<Waker>,
    /// The thread waits for work.
    asleep: bool,
    closed: bool,
    failed: Option<Arc<RocksdbLogStoreError>>,
}

/// What the thread writes at once, and whom it tells.
#[derive(Default)]
struct Gathered {
    batch: Batch,
    done: Vec<Done>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.done.is_empty()
    }
}

impl Queue {
    fn bytes(&self) -> usize {
        self.gathered.batch.bytes() + self.writing
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
                number: 1,
                ..Queue::default()
            }),
            work: Condvar::new(),
            claims: Mutex::default(),
            group_count: AtomicUsize::new(0),
            callers: AtomicUsize::new(0),
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
            if queue.bytes() < QUEUE_BYTES {
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
        for op in ops {
            queue.gathered.batch.push(&op);
        }
        queue.gathered.done.extend(done);
        self.callers.store(queue.gathered.done.len(), Ordering::Relaxed);
        let number = queue.number;
        let asleep = mem::take(&mut queue.asleep);
        drop(guard);
        if asleep {
            self.work.notify_one();
        }
        Ok(number)
    }

    /// Waits, blocking, until all that was queued before is written.
    pub(super) fn drain(&self) -> Result<(), RocksdbLogStoreError> {
        let is_written = {
            let queue = lock(&self.queue);
            queue.check()?;
            queue.bytes() == 0
        };
        if is_written { Ok(()) } else { self.push_and_wait([]) }
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
        let mut gathered = Gathered::default();
        let mut patience = Patience::default();
        while let Some(number) = self.take(&mut gathered) {
            let Gathered { batch, done } = &mut gathered;
            let sync = !done.is_empty();
            let start = Instant::now();
            let outcome = if batch.is_empty() && !unsynced {
                Ok(())
            } else {
                writer.write(&self.db, batch, sync)
            };
            let took = start.elapsed();
            unsynced = !sync;
            if let Err(e) = outcome {
                tracing::error!(path = %self.db.path().display(), error = %e, "log write failed, no more writes");
                self.fail(mem::take(done), || e);
                continue;
            }
            let waiting = {
                let mut queue = lock(&self.queue);
                queue.writing = 0;
                mem::take(&mut queue.waiting)
            };
            let callers = done.len();
            done.drain(..).for_each(|done| isolate(|| done(Ok(number))));
            waiting.into_iter().for_each(|waker| isolate(|| waker.wake()));
            if callers > 0 {
                patience.wait(took, || self.callers.load(Ordering::Relaxed) >= callers);
            }
        }
    }

    /// Swaps `gathered`, which is written, for all that is queued, as soon as there is any. Returns the number
    /// of the batch; `None` at the end.
    fn take(&self, gathered: &mut Gathered) -> Option<u64> {
        gathered.batch.clear();
        let mut queue = lock(&self.queue);
        while queue.gathered.is_empty() {
            if queue.closed {
                return None;
            }
            queue.asleep = true;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut queue.gathered, gathered);
        self.callers.store(0, Ordering::Relaxed);
        queue.writing = gathered.batch.bytes();
        queue.number += 1;
        Some(queue.number - 1)
    }

    /// Ends all writing. `done` and all that is queued get the error; so does every later call.
    fn fail(&self, done: Vec<Done>, error: impl FnOnce() -> RocksdbLogStoreError) {
        let (queued, waiting, error) = {
            let mut queue = lock(&self.queue);
            let error = queue.failed.get_or_insert_with(|| Arc::new(error())).clone();
            queue.gathered.batch.clear();
            queue.writing = 0;
            (
                mem::take(&mut queue.gathered.done),
                mem::take(&mut queue.waiting),
                error,
            )
        };
        for done in done.into_iter().chain(queued) {
            isolate(|| done(Err(RocksdbLogStoreError::WriteFailed(error.clone()))));
        }
        waiting.into_iter().for_each(|waker| isolate(|| waker.wake()));
    }
}

/// The longest wait for callers who come back.
const PATIENCE: Duration = Duration::from_micros(200);

/// Waits for the callers who were just told, before the next batch is taken.
///
/// Those who append one entry after the other come back within microseconds. Were the first of
/// them written alone, the others would have to wait for its sync before their own. The wait is no
/// longer than a sync, and comes the more rarely the more often it was in vain.
#[derive(Default)]
struct Patience {
    /// How often it was in vain, one after the other.
    in_vain: u32,
    /// How many waits are left out.
    skip: u32,
}

impl Patience {
    fn wait(&mut self, sync: Duration, back: impl Fn() -> bool) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let start = Instant::now();
        let limit = sync.min(PATIENCE);
        while !back() {
            if start.elapsed() >= limit {
                self.in_vain = (self.in_vain + 1).min(6);
                self.skip = (1 << self.in_vain) - 2;
                return;
            }
            // Not to sleep: to be woken takes longer than most waits.
            thread::yield_now();
        }
        self.in_vain = 0;
    }
}

/// Runs what may be another's code, a waker above all. Its panic, which is reported on standard
/// error, must not keep the other groups of the database from being told.
fn isolate(run: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(run));
}
