//! What waits for the writer's thread: operations, and the callbacks of the callers that wait for them.
//!
//! Callers push and return at once. The thread takes one batch after the other. While it writes one batch the next ones
//! gather, so that batches grow with the load, up to a limit.
//!
//! - An append first waits for its [`Turn`], then encodes its entries, and then makes a [`Reservation`] for their
//!   bytes. [`budget`](super::budget) decides who is admitted. Other operations are small, and are pushed at once.
//! - The operations of one group are written in the order in which they were pushed. Operations of different groups are
//!   not: a group that has nothing queued joins the next batch, although other groups have filled later batches.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};

use super::budget::{Budget, Ticket};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::batch::Batch;
use crate::support::lock::lock;

/// A batch may grow to the budget of the queue divided by this number.
const BATCHES_IN_BUDGET: usize = 8;

/// The size in bytes to which a batch may always grow, however small the budget is, so that small operations share a
/// sync.
const MIN_BATCH_LIMIT: usize = 64 << 10;

/// The number of a batch. Batches are written in the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::log_store) struct BatchNumber(u64);

impl BatchNumber {
    /// A number after that of every batch in the queue.
    pub(super) const MAX: Self = Self(u64::MAX);
}

/// What the writer's thread calls once a batch is durable or has failed. `Ok` has the number of that batch: the batch
/// and all batches before it are durable. `Err` has the reason why nothing is written any more.
///
/// A queued callback is called once, also if the thread panics while it writes the batch.
pub(in crate::log_store) type Callback = Box<dyn FnOnce(Result<BatchNumber, RocksdbLogStoreError>) + Send>;

/// The queue of one database. The groups push operations to it, and the writer's thread takes batches from it.
pub(super) struct Queue {
    /// A batch grows to this many bytes, or to the size of one larger append. In addition, it takes as many bytes of
    /// groups that had nothing queued.
    batch_limit: usize,
    state: Mutex<State>,
    /// Notified when there is work for the thread, and when the queue is closed.
    work_arrived: Condvar,
    /// See [`callback_count`](Self::callback_count). The thread reads it without the lock.
    callback_count: AtomicUsize,
    /// Whether appends wait for room. An append reads it without the lock, so it may be out of date.
    has_line: AtomicBool,
}

struct State {
    /// The batches that gather. The thread takes the first one. None of them is empty.
    batches: VecDeque<Work>,
    /// An emptied batch, whose memory the next batch uses.
    spare: Option<Work>,
    /// The number of batches that the thread has taken, which is also the number of the last of them.
    taken: u64,
    is_writing: bool,
    budget: Budget,
    /// Whether the thread waits for work, so that a push must wake it.
    asleep: bool,
    closed: bool,
    failed: Option<Arc<RocksdbLogStoreError>>,
    /// Whether the thread has ended.
    ended: bool,
    /// The tasks to wake once the thread has ended.
    closing: Vec<Waker>,
}

/// A batch, and the callbacks to call once it is durable or has failed.
#[derive(Default)]
pub(super) struct Work {
    pub(super) batch: Batch,
    pub(super) callbacks: Vec<Callback>,
    /// The bytes that the appends in the batch have reserved.
    reserved: usize,
    /// The part of `reserved` that is of groups that had nothing queued and joined the batch.
    joined: usize,
}

impl Work {
    /// Calls the callbacks with `outcome`, and removes them.
    pub(super) fn tell(&mut self, outcome: impl Fn() -> Result<BatchNumber, RocksdbLogStoreError>) {
        for callback in self.callbacks.drain(..) {
            isolate(|| callback(outcome()));
        }
    }
}

impl State {
    fn check_not_failed(&self) -> Result<(), RocksdbLogStoreError> {
        match &self.failed {
            None => Ok(()),
            Some(e) => Err(RocksdbLogStoreError::WriteFailed(e.clone())),
        }
    }

    fn check_open(&self) -> Result<(), RocksdbLogStoreError> {
        self.check_not_failed()?;
        match self.closed {
            false => Ok(()),
            true => Err(RocksdbLogStoreError::Closed),
        }
    }

    /// Returns the batch for operations of `bytes` bytes of a group whose last operation is in the batch `after`, and
    /// the number of that batch.
    ///
    /// This is the first batch from `after` on that has room, so that the operations of the group stay in order. Groups
    /// that have nothing queued share room of their own in each batch. Otherwise, one busy group could fill all
    /// batches, and each vote of another group would wait until the whole queue is written.
    fn batch_for(&mut self, after: BatchNumber, bytes: usize, limit: usize) -> (&mut Work, BatchNumber) {
        let joins = after.0 <= self.taken;
        let has_room = |work: &Work| {
            let used = if joins { work.joined } else { work.batch.bytes() };
            used.saturating_add(bytes) <= limit
        };
        let last = self.batches.len().saturating_sub(1);
        let from = usize::try_from(after.0.saturating_sub(self.taken + 1)).map_or(last, |from| from.min(last));
        let index = match self.batches.range(from..).position(has_room) {
            Some(offset) => {
                let index = from + offset;
                self.batches[index].joined += if joins { bytes } else { 0 };
                index
            }
            None => {
                self.batches.push_back(self.spare.take().unwrap_or_default());
                self.batches.len() - 1
            }
        };
        let work = &mut self.batches[index];
        work.reserved += bytes;
        (work, BatchNumber(self.taken + 1 + index as u64))
    }

    /// Returns what the thread must know of the callbacks in the queue: see [`Queue::callback_count`].
    fn callback_count(&self) -> usize {
        match self.batches.len() {
            0 => 0,
            1 => self.batches[0].callbacks.len(),
            _ => usize::MAX,
        }
    }
}

/// The side of the callers.
impl Queue {
    /// Returns an empty queue for appends of at most `budget` bytes together.
    pub(super) fn new(budget: usize) -> Self {
        Self {
            batch_limit: (budget / BATCHES_IN_BUDGET).max(MIN_BATCH_LIMIT),
            state: Mutex::new(State {
                batches: VecDeque::new(),
                spare: None,
                taken: 0,
                is_writing: false,
                budget: Budget::new(budget),
                asleep: false,
                closed: false,
                failed: None,
                ended: false,
                closing: Vec::new(),
            }),
            work_arrived: Condvar::new(),
            callback_count: AtomicUsize::new(0),
            has_line: AtomicBool::new(false),
        }
    }

    /// Waits until no earlier append waits for room. Call this before entries are encoded: otherwise every append that
    /// waits would hold its encoded entries in memory.
    ///
    /// This takes no lock if nobody waits. Appends that run at the same moment on several threads may then all encode
    /// their entries before the first of them has reserved its bytes.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), if appends wait.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, RocksdbLogStoreError> {
        let mut turn = Turn {
            queue: self,
            ticket: None,
        };
        if self.has_line.load(Ordering::Relaxed) {
            poll_fn(|cx| {
                self.update(|state| match state.check_open() {
                    Ok(()) if !state.budget.is_turn(&mut turn.ticket, cx.waker()) => Poll::Pending,
                    checked => Poll::Ready(checked),
                })
            })
            .await?;
        }
        Ok(turn)
    }

    /// Queues the operations that `fill` adds to the batch, and `callback` to be called once they are durable. Without
    /// a callback, the operations become durable with the next push of the group that has one, or earlier with another
    /// push of the same or a later batch.
    ///
    /// `after` is what the last push of the group returned, or 0 before the first one: the operations are written after
    /// that batch or in it. `reservation` is that of an append.
    ///
    /// Returns the number of the batch that carries the operations. `fill` runs while the queue is locked, so it only
    /// copies what was encoded before. It calls no code of the user's, which could panic or use the queue.
    ///
    /// # Errors
    ///
    /// [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if an earlier write failed or the writer's thread has ended,
    /// and [`Closed`](RocksdbLogStoreError::Closed) if the queue is closed. Nothing was queued then, and `callback` was
    /// dropped.
    pub(super) fn push(
        &self,
        after: BatchNumber,
        reservation: Option<Reservation<'_>>,
        callback: Option<Callback>,
        fill: impl FnOnce(&mut Batch),
    ) -> Result<BatchNumber, RocksdbLogStoreError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        state.check_open()?;
        let bytes = reservation.map_or(0, Reservation::into_bytes);
        let (work, number) = state.batch_for(after, bytes, self.batch_limit);
        fill(&mut work.batch);
        work.callbacks.extend(callback);
        self.callback_count.store(state.callback_count(), Ordering::Relaxed);
        let asleep = mem::take(&mut state.asleep);
        drop(guard);
        if asleep {
            self.work_arrived.notify_one();
        }
        Ok(number)
    }

    /// Returns whether everything that was queued is written, though perhaps not synced.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push).
    pub(super) fn is_written(&self) -> Result<bool, RocksdbLogStoreError> {
        let state = lock(&self.state);
        state.check_open()?;
        Ok(state.batches.is_empty() && !state.is_writing)
    }

    /// Returns the error of the write that failed, if there was one.
    pub(super) fn check_not_failed(&self) -> Result<(), RocksdbLogStoreError> {
        lock(&self.state).check_not_failed()
    }

    /// Closes the queue: it takes nothing more, and the thread ends once everything that is queued is written. Appends
    /// that wait for room fail.
    pub(super) fn close(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.closed = true;
            state.budget.all_wakers()
        };
        self.work_arrived.notify_one();
        wake(waiting);
    }

    /// Waits until the thread of a closed queue has ended.
    ///
    /// # Errors
    ///
    /// [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if a write failed or the thread has panicked.
    pub(super) async fn ended(&self) -> Result<(), RocksdbLogStoreError> {
        poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.ended {
                return Poll::Ready(state.check_not_failed());
            }
            if !state.closing.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.closing.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Changes the state. Unless `change` returns `Pending`, wakes the append that is first in the line after that.
    fn update<T>(&self, change: impl FnOnce(&mut State) -> Poll<T>) -> Poll<T> {
        let mut state = lock(&self.state);
        let changed = change(&mut state);
        let has_line = state.budget.has_line();
        // Write the value only if it changes, because other processors read it for each append.
        if self.has_line.load(Ordering::Relaxed) != has_line {
            self.has_line.store(has_line, Ordering::Relaxed);
        }
        // `Pending` means that an append waits, which changes nothing for those before it.
        let first = match changed {
            Poll::Ready(_) => state.budget.first_waker(),
            Poll::Pending => None,
        };
        drop(state);
        wake(first);
        changed
    }
}

/// The right of an append to encode its entries and to reserve room for them. Dropping it lets the next append go
/// first.
pub(in crate::log_store) struct Turn<'q> {
    queue: &'q Queue,
    /// The place in the line, if the append had to wait.
    ticket: Option<Ticket>,
}

impl<'q> Turn<'q> {
    /// Waits until there is room for `bytes`, and reserves them. More bytes than the budget have room once no other
    /// append is queued or being written.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::push`].
    pub(in crate::log_store) async fn reserve(mut self, bytes: usize) -> Result<Reservation<'q>, RocksdbLogStoreError> {
        let queue = self.queue;
        poll_fn(|cx| {
            queue.update(|state| match state.check_open() {
                Ok(()) if !state.budget.reserve(&mut self.ticket, bytes, cx.waker()) => Poll::Pending,
                Ok(()) => Poll::Ready(Ok(Reservation { queue, bytes })),
                Err(e) => Poll::Ready(Err(e)),
            })
        })
        .await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let _ = self.queue.update(|state| {
                state.budget.leave(ticket);
                Poll::Ready(())
            });
        }
    }
}

/// Room in the queue. Dropping it gives the room back.
pub(in crate::log_store) struct Reservation<'q> {
    queue: &'q Queue,
    bytes: usize,
}

impl Reservation<'_> {
    /// Returns the bytes, which the caller must give back.
    fn into_bytes(mut self) -> usize {
        mem::take(&mut self.bytes)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        if bytes > 0 {
            let _ = self.queue.update(|state| {
                state.budget.give_back(bytes);
                Poll::Ready(())
            });
        }
    }
}

/// The side of the thread.
impl Queue {
    /// Waits for work, moves the first batch into `work`, and returns the number of the batch. Empties `work` first, so
    /// its previous batch must have been written. Returns `None` once the queue is closed and empty.
    pub(super) fn take(&self, work: &mut Work) -> Option<BatchNumber> {
        work.batch.clear();
        let mut guard = lock(&self.state);
        let first = loop {
            if let Some(first) = guard.batches.pop_front() {
                break first;
            }
            if guard.closed {
                return None;
            }
            guard.asleep = true;
            guard = self.work_arrived.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        let state = &mut *guard;
        state.spare = Some(mem::replace(work, first));
        self.callback_count.store(state.callback_count(), Ordering::Relaxed);
        state.is_writing = true;
        state.taken += 1;
        Some(BatchNumber(state.taken))
    }

    /// Returns the number of callbacks in the queue, which will be in the next batch, or `usize::MAX` if the next batch
    /// is full.
    pub(super) fn callback_count(&self) -> usize {
        self.callback_count.load(Ordering::Relaxed)
    }

    /// Marks the batch `number` as written, calls its callbacks, and wakes the append that waits for room.
    pub(super) fn written(&self, work: &mut Work, number: BatchNumber) {
        let first = {
            let mut state = lock(&self.state);
            state.is_writing = false;
            state.budget.give_back(mem::take(&mut work.reserved));
            work.joined = 0;
            state.budget.first_waker()
        };
        work.tell(|| Ok(number));
        wake(first);
    }

    /// Ends all writing. The callbacks of `work`, all callbacks in the queue and every later call get `error`, or the
    /// error of an earlier failure if there was one.
    pub(super) fn fail(&self, work: &mut Work, error: RocksdbLogStoreError) {
        let (batches, waiting, error) = {
            let mut state = lock(&self.state);
            let error = state.failed.get_or_insert_with(|| Arc::new(error)).clone();
            state.is_writing = false;
            (mem::take(&mut state.batches), state.budget.all_wakers(), error)
        };
        let error = || Err(RocksdbLogStoreError::WriteFailed(error.clone()));
        work.tell(error);
        for mut queued in batches {
            queued.tell(error);
        }
        wake(waiting);
    }

    /// Reports that the thread has ended.
    pub(super) fn end(&self) {
        let closing = {
            let mut state = lock(&self.state);
            state.ended = true;
            mem::take(&mut state.closing)
        };
        wake(closing);
    }
}

fn wake(waiting: impl IntoIterator<Item = Waker>) {
    for waker in waiting {
        isolate(|| waker.wake());
    }
}

/// Runs code of the user's or of a runtime, and ignores a panic of that code: Rust's panic hook has reported it, and
/// the callbacks of other groups must still be called.
fn isolate(run: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(run));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Wake};

    use fastrand::Rng;
    use rocksdb::{DB, Options};

    use super::*;
    use crate::log_store::wal::batch::CfPrefixes;

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the result of `future`, which must be ready.
    fn ready<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("the future waits"),
        }
    }

    fn reserve(queue: &Queue, bytes: usize) -> Reservation<'_> {
        ready(async { queue.turn().await?.reserve(bytes).await }).unwrap()
    }

    #[test]
    fn whoever_waits_for_room_is_woken_and_refused_when_a_write_fails_or_the_queue_is_closed() {
        for fails in [true, false] {
            let queue = Queue::new(100);
            let full = reserve(&queue, 100);
            // The first waits for room, and the second for its turn.
            let woken = [(); 2].map(|()| Arc::new(Woken(AtomicBool::new(false))));
            let append = async || queue.turn().await?.reserve(10).await;
            let (mut first, mut second) = (pin!(append()), pin!(append()));
            let [for_first, for_second] = woken.clone().map(Waker::from);
            assert!(first.as_mut().poll(&mut Context::from_waker(&for_first)).is_pending());
            assert!(second.as_mut().poll(&mut Context::from_waker(&for_second)).is_pending());

            match fails {
                true => queue.fail(&mut Work::default(), RocksdbLogStoreError::WriterStopped),
                false => queue.close(),
            }

            assert!(woken.iter().all(|woken| woken.0.load(Ordering::Relaxed)));
            for error in [ready(first).err().unwrap(), ready(second).err().unwrap()] {
                let is_expected = match fails {
                    true => matches!(error, RocksdbLogStoreError::WriteFailed(_)),
                    false => matches!(error, RocksdbLogStoreError::Closed),
                };
                assert!(is_expected, "{error}");
            }
            drop(full);
        }
    }

    #[test]
    fn the_operations_of_a_group_stay_in_order_and_batches_stay_small() {
        const LIMIT: usize = MIN_BATCH_LIMIT;
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        let db = DB::open_cf(&options, dir.path(), ["default"]).unwrap();
        let prefixes = CfPrefixes::new(&db.cf_handle("default").unwrap());
        let mut rng = Rng::with_seed(1);
        let queue = Queue::new(LIMIT * BATCHES_IN_BUDGET);
        // The batch of the last push of each group.
        let mut last: HashMap<u8, BatchNumber> = HashMap::new();
        let mut work = Work::default();
        for _ in 0..5000 {
            if rng.u8(..16) == 0 && !queue.is_written().unwrap() {
                let number = queue.take(&mut work).unwrap();
                assert!(work.batch.bytes() <= 2 * LIMIT + 1000, "{}", work.batch.bytes());
                queue.written(&mut work, number);
                continue;
            }
            // The lower its number, the busier a group is.
            let group = rng.u8(..8).min(rng.u8(..8));
            let value = vec![0; rng.usize(..LIMIT / 2)];
            let is_append = rng.bool();
            let bytes = if is_append { value.len() + 16 } else { 0 };
            let mut append = pin!(async { queue.turn().await?.reserve(bytes).await });
            let room = match append.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(room) => room.unwrap(),
                Poll::Pending => continue,
            };
            let after = last.get(&group).copied().unwrap_or_default();
            let number = queue.push(after, Some(room), None, |batch| {
                batch.put(prefixes, &[], if is_append { &value } else { &[] });
            });
            let number = number.unwrap();
            assert!(number >= after, "{number:?} {after:?}");
            last.insert(group, number);
        }
        assert!(last.len() == 8);
    }
}
