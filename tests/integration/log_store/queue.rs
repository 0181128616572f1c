//! The queue: how many bytes it holds, in which order appends are admitted, and in which order groups are written.

use std::future::Future;
use std::iter::once_with;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::{env, fs};

use futures_util::future::join_all;
use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF, StoreOptions, close, db_options, log_cf_options};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit_tests::log::{Entry, Types, entry, open, open_dir, open_with};
use openraft_toolkit_tests::node::DEADLINE;
use rocksdb::{ColumnFamilyDescriptor, DB};
use tempfile::TempDir;
use tokio::time::timeout;

use super::blocked_writer::{BlockedWriter, WakeOrder};
use super::durability::process::process_of;

const MIB: usize = 1 << 20;

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Returns an entry of about this many bytes.
fn big(index: u64, bytes: usize) -> Entry {
    entry(1, index, "x".repeat(bytes))
}

#[tokio::test]
async fn an_append_that_does_not_fit_waits_and_later_ones_wait_behind_it_in_order() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut stores: Vec<_> = (0..6).map(|id| open(&db, GroupPrefixed::new(id))).collect();
    let [blocker, first, large, small, last, voter] = &mut stores[..] else {
        unreachable!()
    };
    let blocked = BlockedWriter::block(blocker, entry(1, 0, "x")).await;
    let woken = WakeOrder::default();
    let (for_large, for_small, for_last) = (woken.waker("large"), woken.waker("small"), woken.waker("last"));

    first.append([big(0, 20 * MIB)], IOFlushed::noop()).await.unwrap();
    // 20 MiB more would be more than the queue's 32 MiB.
    let mut large_append = Box::pin(large.append([big(0, 20 * MIB)], IOFlushed::noop()));
    assert!(poll_once(large_append.as_mut(), &for_large).is_pending());
    // These fit, and are not admitted before the one that came first.
    let mut small_append = pin!(small.append([entry(1, 0, "x")], IOFlushed::noop()));
    assert!(poll_once(small_append.as_mut(), &for_small).is_pending());
    let mut last_append = pin!(last.append([entry(1, 0, "x")], IOFlushed::noop()));
    assert!(poll_once(last_append.as_mut(), &for_last).is_pending());

    // Votes and the like never wait for room.
    voter.save_committed(None).await.unwrap();
    let vote = VoteOf::<Types>::new(1, 1);
    let mut save_vote = pin!(voter.save_vote(&vote));
    assert!(poll_once(save_vote.as_mut(), Waker::noop()).is_pending());

    // An append that is dropped while it waits gives its place to the next.
    assert_eq!(woken.names(), [] as [&str; 0]);
    drop(large_append);
    assert_eq!(woken.names(), ["small"]);
    assert!(poll_once(small_append.as_mut(), &for_small).is_ready());
    assert_eq!(woken.names(), ["small", "last"]);
    assert!(poll_once(last_append.as_mut(), &for_last).is_ready());
    assert_eq!(large.get_log_state().await.unwrap().last_log_id, None);

    drop(blocked);
    save_vote.await.unwrap();
    large.blocking_append([big(0, 20 * MIB)]).await.unwrap();
}

#[tokio::test]
async fn an_append_that_is_larger_than_the_queue_is_admitted_alone() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let options = StoreOptions::default().queue_bytes(MIB);
    let mut store = open_with(&db, GroupPrefixed::new(0), options);
    let mut other = open(&db, GroupPrefixed::new(1));
    let mut voter = open(&db, GroupPrefixed::new(2));
    let blocked = BlockedWriter::block(&mut other, entry(1, 0, "x")).await;
    let woken = WakeOrder::default();
    let waker = woken.waker("huge");

    // Operations that are no appends do not keep it waiting.
    voter.save_committed(None).await.unwrap();
    store.append([big(0, 3 * MIB)], IOFlushed::noop()).await.unwrap();
    let mut huge = Box::pin(other.append([big(1, 3 * MIB)], IOFlushed::noop()));
    assert!(poll_once(huge.as_mut(), &waker).is_pending());

    drop(blocked);
    huge.await.unwrap();
    store.blocking_append([entry(1, 1, "x")]).await.unwrap();
    assert_eq!(other.try_get_log_entries(..).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_append_that_is_refused_or_fails_gives_its_room_back() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(0));
    let mut other = open(&db, GroupPrefixed::new(1));
    let blocked = BlockedWriter::block(&mut other, entry(1, 0, "x")).await;
    store.append([entry(1, 0, "x")], IOFlushed::noop()).await.unwrap();
    for _ in 0..10 {
        let hole = store.append([big(7, 10 * MIB)], IOFlushed::noop());
        let refused = timeout(DEADLINE, hole).await.expect("there is no room");
        refused.unwrap_err();
    }
    let mut fits = pin!(store.append([big(1, 30 * MIB)], IOFlushed::noop()));
    assert!(poll_once(fits.as_mut(), Waker::noop()).is_ready());
    drop(blocked);
}

#[tokio::test]
async fn a_group_that_has_nothing_queued_does_not_wait_for_the_queue_of_a_busy_one() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut blocker = open(&db, GroupPrefixed::new(0));
    let mut busy = open(&db, GroupPrefixed::new(1));
    let mut voter = open(&db, GroupPrefixed::new(2));
    let mut single = open(&db, GroupPrefixed::new(3));
    let blocked = BlockedWriter::block(&mut blocker, entry(1, 0, "x")).await;

    // The callbacks wake these wakers in the order in which the batches are written.
    let written = WakeOrder::default();
    let mut loads = Vec::new();
    // Each of these is larger than a batch may become otherwise.
    for index in 0..6 {
        let (tx, rx) = Types::oneshot();
        busy.append([big(index, 5 * MIB)], IOFlushed::signal(tx)).await.unwrap();
        let mut rx = Box::pin(rx);
        assert!(poll_once(rx.as_mut(), &written.waker(format!("load {index}"))).is_pending());
        loads.push(rx);
    }
    let vote = VoteOf::<Types>::new(1, 1);
    let mut save_vote = pin!(voter.save_vote(&vote));
    assert!(poll_once(save_vote.as_mut(), &written.waker("vote")).is_pending());
    let mut append = pin!(single.blocking_append([entry(1, 0, "x")]));
    assert!(poll_once(append.as_mut(), &written.waker("append")).is_pending());
    // Operations of the busy group itself stay behind its appends.
    let mut truncate = pin!(busy.truncate_after(None));
    assert!(poll_once(truncate.as_mut(), &written.waker("truncate")).is_pending());
    drop(blocked);

    // Do not poll the futures before the last callback has run, because that would replace their wakers.
    close(&db).await.unwrap();
    join_all(loads).await;
    truncate.await.unwrap();
    let order = written.names();
    let position = |name: &str| order.iter().position(|other| other == name).unwrap();
    assert!(position("vote") < position("load 1"), "{order:?}");
    assert!(position("append") < position("load 1"), "{order:?}");
    let of_busy: Vec<_> = order
        .iter()
        .filter(|name| *name != "vote" && *name != "append")
        .collect();
    let expected: Vec<_> = (0..6)
        .map(|index| format!("load {index}"))
        .chain(["truncate".to_string()])
        .collect();
    assert_eq!(of_busy, expected.iter().collect::<Vec<_>>());
    save_vote.await.unwrap();
    append.await.unwrap();
}

const PROCESS: &str = "OPENRAFT_TOOLKIT_QUEUE_MEMORY";

/// Returns the largest size in bytes that the memory of this process had.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib << 10
}

/// Not a test: 100 groups, each with two appends of 2 MiB, on a small queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test of the queue's memory"]
async fn process() {
    let Some(dir) = env::var_os(PROCESS) else { return };
    let column_families = [LOG_CF, META_CF].map(|name| {
        let mut options = log_cf_options();
        // RocksDB's own copies must not hide those of the queue.
        options.set_write_buffer_size(4 * MIB);
        ColumnFamilyDescriptor::new(name, options)
    });
    let db = Arc::new(DB::open_cf_descriptors(&db_options(), Path::new(&dir), column_families).unwrap());
    let options = StoreOptions::default().queue_bytes(8 * MIB).tail_bytes(MIB);
    let mut stores: Vec<_> = (0..100)
        .map(|id| open_with(&db, GroupPrefixed::new(id), options.clone()))
        .collect();
    let mut blocker = open(&db, GroupPrefixed::new(1000));
    blocker.blocking_append([entry(1, 0, "x")]).await.unwrap();

    let before = peak_memory();
    let blocked = BlockedWriter::block(&mut blocker, entry(1, 1, "x")).await;
    let appends = stores.iter_mut().map(async |store| {
        for index in 0..2 {
            // The entry takes no memory before it is encoded.
            let entries = once_with(move || big(index, 2 * MIB));
            store.append(entries, IOFlushed::noop()).await.unwrap();
        }
    });
    let mut appends = pin!(join_all(appends));
    assert!(poll_once(appends.as_mut(), Waker::noop()).is_pending());
    println!("full {}", (peak_memory() - before) / MIB);
    drop(blocked);
    appends.await;
    blocker.blocking_append([entry(1, 2, "x")]).await.unwrap();
    println!("written {}", (peak_memory() - before) / MIB);
}

/// The bounds are those that [`StoreOptions::queue_bytes`] documents, plus the append that is encoded next, RocksDB's
/// memtables, and what the allocator keeps.
#[test]
fn the_memory_of_a_process_is_bounded_however_many_appends_wait() {
    let dir = TempDir::new().unwrap();
    let output = process_of(module_path!(), &[])
        .env(PROCESS, dir.path())
        .output()
        .unwrap();

    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let grown = |when: &str| -> usize {
        let line = stdout.lines().find_map(|line| line.strip_prefix(when));
        line.unwrap_or_else(|| panic!("{stdout}")).trim().parse().unwrap()
    };
    println!("{stdout}");
    assert!(grown("full ") <= 40, "{stdout}");
    assert!(grown("written ") <= 120, "{stdout}");
}

#[tokio::test]
async fn an_append_that_is_polled_while_it_waits_for_room_does_not_pile_up_wakers() {
    struct Counts;
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {}
    }

    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let blocked = BlockedWriter::block(&mut store, entry(1, 0, "x")).await;
    store.append([big(1, 33 * MIB)], IOFlushed::noop()).await.unwrap();

    let counts = Arc::new(Counts);
    let waker = counts.clone().into();
    let wakers;
    {
        let mut append = pin!(store.append([entry(1, 2, "x")], IOFlushed::noop()));
        for _ in 0..1000 {
            assert!(poll_once(append.as_mut(), &waker).is_pending());
        }
        wakers = Arc::strong_count(&counts);
        drop(blocked);
        append.await.unwrap();
    }
    assert!(wakers < 10, "{wakers}");
    assert_eq!(store.try_get_log_entries(..).await.unwrap().len(), 3);
}
