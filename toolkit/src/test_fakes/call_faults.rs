//! Makes calls on a log store or state machine in memory fail, take time or wait.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use openraft::RaftTypeConfig;
use openraft::type_config::TypeConfigExt;

use crate::support::lock::lock;

/// The faults of a [`MemLogStore`](super::MemLogStore) or a [`MemStateMachine`](super::MemStateMachine). A test sets
/// and removes faults while the log store or state machine is in use.
///
/// `Call` names the calls that may fail: [`LogStoreCall`](super::LogStoreCall) or
/// [`StateMachineCall`](super::StateMachineCall). Each of these calls has its own faults. A call first waits while it
/// is held, then waits for its delay by the clock of the runtime, and then fails or succeeds.
///
/// A clone is another handle on the same faults.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::test_fakes::{LogStoreCall, MemLogStore};
///
/// # openraft_toolkit::declare_raft_types_ext! { pub Types: Node = (), AppData = String, AppDataResponse = () }
/// let store = MemLogStore::<Types>::new();
/// let faults = store.faults();
/// faults.fail_nth(LogStoreCall::SaveVote, 2); // the second vote from now on fails
/// faults.delay(LogStoreCall::Callback, Duration::from_millis(50)); // the disk is slow
/// faults.hold(LogStoreCall::Purge); // purges wait ...
/// faults.release(LogStoreCall::Purge); // ... and go on
/// faults.fail_all(LogStoreCall::Append); // the disk is full ...
/// faults.heal(LogStoreCall::Append); // ... and has space again
/// ```
pub struct CallFaults<Call> {
    calls: Arc<Mutex<BTreeMap<Call, Faults>>>,
}

/// The faults of one call.
#[derive(Debug, Default)]
struct Faults {
    /// How many calls were made so far, including calls that failed. A call is counted when it no longer waits.
    count: u64,
    /// The values of `count` at which a call fails.
    fail_at: BTreeSet<u64>,
    fail_all: bool,
    delay: Option<Duration>,
    held: bool,
    /// How many calls are held.
    waiting: usize,
    /// The tasks of the calls that are held.
    wakers: Vec<Waker>,
}

impl<Call: Copy + Ord + fmt::Display> CallFaults<Call> {
    /// Returns a set of faults that is empty for every call.
    pub(super) fn none() -> Self {
        Self { calls: Arc::default() }
    }

    /// Makes the `n`th `call` from now on fail, once. The next `call` has the number 1. A held or delayed call gets its
    /// number when it goes on.
    pub fn fail_nth(&self, call: Call, n: u64) {
        let mut calls = self.calls();
        let faults = calls.entry(call).or_default();
        faults.fail_at.insert(faults.count.saturating_add(n));
    }

    /// Makes every `call` fail, until [`heal`](Self::heal).
    pub fn fail_all(&self, call: Call) {
        self.calls().entry(call).or_default().fail_all = true;
    }

    /// Makes every `call` take `delay` longer, until [`heal`](Self::heal).
    pub fn delay(&self, call: Call, delay: Duration) {
        self.calls().entry(call).or_default().delay = Some(delay);
    }

    /// Makes every `call` wait, until [`release`](Self::release) or [`heal`](Self::heal) is called.
    pub fn hold(&self, call: Call) {
        self.calls().entry(call).or_default().held = true;
    }

    /// Undoes [`hold`](Self::hold): the calls that are held go on.
    pub fn release(&self, call: Call) {
        let wakers = {
            let mut calls = self.calls();
            let faults = calls.entry(call).or_default();
            faults.held = false;
            std::mem::take(&mut faults.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Removes all faults of `call`: the calls that are held go on, and later calls neither wait nor fail. A call that
    /// already waits for its delay still waits until the delay is over.
    pub fn heal(&self, call: Call) {
        {
            let mut calls = self.calls();
            let faults = calls.entry(call).or_default();
            faults.fail_at.clear();
            faults.fail_all = false;
            faults.delay = None;
        }
        self.release(call);
    }

    /// Returns how many calls of this kind wait because of [`hold`](Self::hold).
    pub fn held(&self, call: Call) -> usize {
        self.calls().get(&call).map_or(0, |faults| faults.waiting)
    }

    /// Returns how many calls of this kind were made so far, including those that failed, and without those that are
    /// still held or delayed.
    pub fn count(&self, call: Call) -> u64 {
        self.calls().get(&call).map_or(0, |faults| faults.count)
    }

    /// Waits while `call` is held or delayed, and returns an error if the call is to fail.
    pub(super) async fn pass<C: RaftTypeConfig>(&self, call: Call) -> io::Result<()> {
        let waiting = Waiting::new(self, call);
        poll_fn(|cx| {
            let mut calls = self.calls();
            let faults = calls.entry(call).or_default();
            if !faults.held {
                return Poll::Ready(());
            }
            if !faults.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                faults.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
        drop(waiting);
        let delay = self.calls().get(&call).and_then(|faults| faults.delay);
        if let Some(delay) = delay {
            C::sleep(delay).await;
        }
        self.check(call)
    }

    /// Does the same as [`pass`](Self::pass) without waiting, or returns `None` if the call has to wait.
    pub(super) fn pass_now(&self, call: Call) -> Option<io::Result<()>> {
        let waits = (self.calls().get(&call)).is_some_and(|faults| faults.held || faults.delay.is_some());
        (!waits).then(|| self.check(call))
    }

    /// Counts a call, and returns an error if it is to fail.
    fn check(&self, call: Call) -> io::Result<()> {
        let mut calls = self.calls();
        let faults = calls.entry(call).or_default();
        faults.count += 1;
        match faults.fail_all || faults.fail_at.remove(&faults.count) {
            true => Err(io::Error::other(format!("{call} fails, as the test wants it"))),
            false => Ok(()),
        }
    }

    fn calls(&self) -> MutexGuard<'_, BTreeMap<Call, Faults>> {
        lock(&self.calls)
    }
}

impl<Call> Clone for CallFaults<Call> {
    fn clone(&self) -> Self {
        Self {
            calls: self.calls.clone(),
        }
    }
}

impl<Call: fmt::Debug> fmt::Debug for CallFaults<Call> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallFaults").field(&*lock(&self.calls)).finish()
    }
}

/// Counts a call as held until this guard is dropped. A call whose future is dropped is thus no longer counted.
struct Waiting<'a, Call: Copy + Ord + fmt::Display> {
    faults: &'a CallFaults<Call>,
    call: Call,
}

impl<'a, Call: Copy + Ord + fmt::Display> Waiting<'a, Call> {
    fn new(faults: &'a CallFaults<Call>, call: Call) -> Self {
        faults.calls().entry(call).or_default().waiting += 1;
        Self { faults, call }
    }
}

impl<Call: Copy + Ord + fmt::Display> Drop for Waiting<'_, Call> {
    fn drop(&mut self) {
        self.faults.calls().entry(self.call).or_default().waiting -= 1;
    }
}
