//! Stops the writer's thread in a callback, so that a test can look at a full queue.

use std::future::Future;
use std::mem;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Wake, Waker};

use openraft_toolkit::log_store::KeySpace;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogStorage};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit_tests::log::{Entry, Store, Types};

/// Appends `entry` as a task with `waker` does. The callback wakes the task, so the callback blocks or panics if
/// `waker` does.
pub async fn await_append_with<K: KeySpace>(
    waker: impl Wake + Send + Sync + 'static,
    store: &mut Store<K>,
    entry: Entry,
) {
    let (tx, rx) = Types::oneshot();
    let mut rx = Box::pin(rx);
    let waker = Arc::new(waker).into();
    assert!(rx.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    store.append([entry], IOFlushed::signal(tx)).await.unwrap();
    // Keep the receiver, and with it the registered waker.
    mem::forget(rx);
}

/// A writer's thread that is blocked. Dropping this lets it go on.
pub struct BlockedWriter(Arc<Barrier>);

struct Blocks(Arc<Barrier>);

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.0.wait();
        self.0.wait();
    }
}

impl BlockedWriter {
    /// Appends `entry`, and blocks the writer's thread in the callback of this append. The queue is empty when this
    /// returns.
    pub async fn block<K: KeySpace>(store: &mut Store<K>, entry: Entry) -> Self {
        let barrier = Arc::new(Barrier::new(2));
        await_append_with(Blocks(barrier.clone()), store, entry).await;
        barrier.wait();
        Self(barrier)
    }
}

impl Drop for BlockedWriter {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// The order in which futures are woken.
#[derive(Clone, Default)]
pub struct WakeOrder(Arc<Mutex<Vec<String>>>);

impl WakeOrder {
    /// Returns a waker that adds `name` to the order.
    pub fn waker(&self, name: impl Into<String>) -> Waker {
        struct Named(WakeOrder, String);
        impl Wake for Named {
            fn wake(self: Arc<Self>) {
                self.0.0.lock().unwrap().push(self.1.clone());
            }
        }
        Arc::new(Named(self.clone(), name.into())).into()
    }

    /// Returns the names of all wakers that were woken so far.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
