//! What waits for the writer's thread: operations, and the callbacks of the callers that wait for them.
//!
//! Callers push and return at once. The thread takes everything that has gathered as one batch. While the thread writes
//! one batch the next one gathers, so that batches grow with the load.

use std::future::poll_fn;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};

use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::batch::Batch;
use crate::support::lock::lock;

/// While this many bytes or more are queued or being written, [`Queue::room`] waits.
const QUEUE_BUDGET: usize = 32 << 20;

/// The number of a batch. Batches are written in the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::log_store) struct BatchNumber(u64);

/// What the writer's thread calls once a batch is durable or has failed. `Ok` has the number of that batch: the batch
/// and all batches before it are durable. `Err` has the reason why nothing is written any more.
///
/// A queued callback is called once, with one exception: if the thread panics while it writes a batch, the callbacks of
/// that batch are dropped without a call.
pub(in crate::log_store) type Callback = Box<dyn FnOnce(Result<BatchNumber, RocksdbLogStoreError>) + Send>;

/// The queue of one database. The groups push operations to it, and the writer's thread takes batches from it.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Notified when there is work for the thread, and when the queue is closed.
    work_arrived: Condvar,
    /// The number of callbacks in the queue. The thread reads it without the lock.
    callback_count: AtomicUsize,
}

#[derive(Default)]
struct State {
    gathered: Work,
    /// The number of batches that the thread has taken, which is also the number of the last of them.
    taken: u64,
    /// The size in bytes of the batch that is being written.
    writing: usize,
    /// The tasks to wake once there is room.
    waiting: Vec<Waker>,
    /// Whether the thread waits for work, so that a push must wake it.
    asleep: bool,
    closed: bool,
    failed: Option<Arc<RocksdbLogStoreError>>,
}

/// A batch, and the callbacks to call once it is durable or has failed.
#[derive(Default)]
pub(super) struct Work {
    pub(super) batch: Batch,
    pub(super) callbacks: Vec<Callback>,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.callbacks.is_empty()
    }

    /// Calls the callbacks with `outcome`, and removes them.
    pub(super) fn tell(&mut self, outcome: impl Fn() -> Result<BatchNumber, RocksdbLogStoreError>) {
        for callback in self.callbacks.drain(..) {
            isolate(|| callback(outcome()));
        }
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.gathered.batch.bytes() + self.writing
    }

    fn check_not_failed(&self) -> Result<(), RocksdbLogStoreError> {
        match &self.failed {
            None => Ok(()),
            Some(e) => Err(RocksdbLogStoreError::WriteFailed(e.clone())),
        }
    }
}

/// The side of the callers.
impl Queue {
    /// Waits until the queue is below its budget. Returns
    /// [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if an earlier write failed, even while the call waits.
    pub(super) async fn room(&self) -> Result<(), RocksdbLogStoreError> {
        poll_fn(|cx| {
            let mut state = lock(&self.state);
            state.check_not_failed()?;
            if state.bytes() < QUEUE_BUDGET {
                return Poll::Ready(Ok(()));
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Queues the operations that `fill` adds to the batch, and `callback` to be called once they are durable. Without
    /// a callback, the operations become durable with the next push that has one, or earlier with another push of the
    /// same batch.
    ///
    /// Returns the number of the batch that carries the operations. `fill` runs while the queue is locked, so it only
    /// copies what was encoded before. It calls no code of the user's, which could panic or use the queue.
    ///
    /// # Errors
    ///
    /// [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if an earlier write failed or the writer's thread has ended.
    /// Nothing was queued then, and `callback` was dropped.
    pub(super) fn push(
        &self,
        callback: Option<Callback>,
        fill: impl FnOnce(&mut Batch),
    ) -> Result<BatchNumber, RocksdbLogStoreError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        state.check_not_failed()?;
        fill(&mut state.gathered.batch);
        state.gathered.callbacks.extend(callback);
        self.callback_count
            .store(state.gathered.callbacks.len(), Ordering::Relaxed);
        let number = BatchNumber(state.taken + 1);
        let asleep = mem::take(&mut state.asleep);
        drop(guard);
        if asleep {
            self.work_arrived.notify_one();
        }
        Ok(number)
    }

    /// Returns whether everything that was queued is written, though perhaps not synced. Fails if an earlier write
    /// failed.
    pub(super) fn is_written(&self) -> Result<bool, RocksdbLogStoreError> {
        let state = lock(&self.state);
        state.check_not_failed()?;
        Ok(state.bytes() == 0)
    }

    /// Closes the queue: the thread ends once everything that is queued is written.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.work_arrived.notify_one();
    }
}

/// The side of the thread.
impl Queue {
    /// Waits for work, moves everything that is queued into `work`, and returns the number of the batch. Empties `work`
    /// first, so its previous batch must have been written. Returns `None` once the queue is closed and empty.
    pub(super) fn take(&self, work: &mut Work) -> Option<BatchNumber> {
        work.batch.clear();
        let mut state = lock(&self.state);
        while state.gathered.is_empty() {
            if state.closed {
                return None;
            }
            state.asleep = true;
            state = self.work_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut state.gathered, work);
        self.callback_count.store(0, Ordering::Relaxed);
        state.writing = work.batch.bytes();
        state.taken += 1;
        Some(BatchNumber(state.taken))
    }

    /// Returns the number of callbacks in the queue, which will be in the next batch.
    pub(super) fn callback_count(&self) -> usize {
        self.callback_count.load(Ordering::Relaxed)
    }

    /// Marks the batch `number` as written, calls its callbacks, and wakes the tasks that wait for room.
    pub(super) fn written(&self, work: &mut Work, number: BatchNumber) {
        let waiting = {
            let mut state = lock(&self.state);
            state.writing = 0;
            mem::take(&mut state.waiting)
        };
        work.tell(|| Ok(number));
        wake(waiting);
    }

    /// Ends all writing. The callbacks of `work`, all callbacks in the queue and every later call get `error`, or the
    /// error of an earlier failure if there was one.
    pub(super) fn fail(&self, work: &mut Work, error: RocksdbLogStoreError) {
        let (queued, waiting, error) = {
            let mut state = lock(&self.state);
            let error = state.failed.get_or_insert_with(|| Arc::new(error)).clone();
            state.gathered.batch.clear();
            state.writing = 0;
            (
                mem::take(&mut state.gathered.callbacks),
                mem::take(&mut state.waiting),
                error,
            )
        };
        work.callbacks.extend(queued);
        work.tell(|| Err(RocksdbLogStoreError::WriteFailed(error.clone())));
        wake(waiting);
    }
}

fn wake(waiting: Vec<Waker>) {
    for waker in waiting {
        isolate(|| waker.wake());
    }
}

/// Runs code of the user's or of a runtime, and ignores a panic of that code: Rust's panic hook has reported it, and
/// the callbacks of other groups must still be called.
fn isolate(run: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(run));
}
