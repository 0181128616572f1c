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

/// The faults of a [`MemLogStore`](super::MemLogStore) or [`MemStateMachine`](super::MemStateMachine), to be
/// set and lifted while it is in use.
///
/// `Call` names what may fail: a [`LogStoreCall`](super::LogStoreCall) or a
/// [`StateMachineCall`](super::StateMachineCall). Each call has faults of its own. One that is held or delayed
/// waits first, on the runtime's clock, and fails then, if it is to fail.
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
/// faults.fail_nth(LogStoreCall::SaveVote, 2); // not the next vote, but the one after that
/// faults.delay(LogStoreCall::Callback, Duration::from_millis(50)); // a slow disk
/// faults.hold(LogStoreCall::Purge); // stuck, until
/// faults.release(LogStoreCall::Purge);
/// faults.fail_all(LogStoreCall::Append); // a full disk, until
/// faults.heal(LogStoreCall::Append);
/// ```
pub struct CallFaults<Call> {
    calls: Arc<Mutex<BTreeMap<Call, Faults>>>,
}

#[derive(Debug, Default)]
struct Faults {
    /// How many calls came through so far, be it to fail.
    count: u64,
    fail_at: BTreeSet<u64>,
    fail_all: bool,
    delay: Option<Duration>,
    held: bool,
    /// Those that are held: how many, and whom to wake.
    waiting: usize,
    wakers: Vec<Waker>,
}

impl<Call: Copy + Ord + fmt::Display> CallFaults<Call> {
    pub(super) fn none() -> Self {
        Self { calls: Arc::default() }
    }

    /// Lets the `n`th `call` from here on fail, once; the next one is the first. One that is held
    /// already counts among those.
    pub fn fail_nth(&self, call: Call, n: u64) {
        let mut calls = self.calls();
        let faults = calls.entry(call).or_default();
        faults.fail_at.insert(faults.count.saturating_add(n));
    }

    /// Lets every `call` fail, until [`heal`](Self::heal).
    pub fn fail_all(&self, call: Call) {
        self.calls().entry(call).or_default().fail_all = true;
    }

    /// Lets every `call` take `delay` longer, until [`heal`](Self::heal).
    pub fn delay(&self, call: Call, delay: Duration) {
        self.calls().entry(call).or_default().delay = Some(delay);
    }

    /// Lets every `call` wait, until [`release`](Self::release) or [`heal`](Self::heal); for ever without.
    pub fn hold(&self, call: Call) {
        self.calls().entry(call).or_default().held = true;
    }

    /// Undoes [`hold`](Self::hold): what waits goes on.
    pub fn release(&self, call: Call) {
        let wakers = {
            let mut calls = self.calls();
            let faults = calls.entry(call).or_default();
            faults.held = false;
            std::mem::take(&mut faults.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Lifts all faults of `call`: what waits goes on, and nothing fails any more.
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

    /// How many calls are held.
    pub fn held(&self, call: Call) -> usize {
        self.calls().get(&call).map_or(0, |faults| faults.waiting)
    }

    /// How many calls were made so far, without those that are held or delayed.
    pub fn count(&self, call: Call) -> u64 {
        self.calls().get(&call).map_or(0, |faults| faults.count)
    }

    /// Waits as long as `call` has to, and says whether it fails.
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

    /// As [`pass`](Self::pass), where there is nothing to wait for.
    pub(super) fn pass_now(&self, call: Call) -> Option<io::Result<()>> {
        let waits = (self.calls().get(&call)).is_some_and(|faults| faults.held || faults.delay.is_some());
        (!waits).then(|| self.check(call))
    }

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

/// Counts a call among those that are held, also when its future is dropped.
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
