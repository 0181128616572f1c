//! Reads of ranges, with a limit on size, from memory and from disk, and as streams.

use std::fs::{self, OpenOptions};
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, db_options, log_cf_options,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit_tests::log::{Types, entries, entry, log_id, open, open_counting, open_dir, store_error};
use openraft_toolkit_tests::node::DEADLINE;
use rocksdb::statistics::Ticker;
use rocksdb::{ColumnFamilyDescriptor, DB};
use tempfile::TempDir;

#[tokio::test]
async fn any_range_of_indexes_is_read_up_to_the_greatest_there_is() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let all = entries(1, u64::MAX - 9..=u64::MAX);
    let mut store = open(&db, Flat);
    store.blocking_append(all.clone()).await.unwrap();

    for on_disk in [false, true] {
        if on_disk {
            drop(store);
            store = open(&db, Flat);
        }
        let mut read = async |range: (Bound<u64>, Bound<u64>)| store.try_get_log_entries(range).await.unwrap();
        use Bound::*;
        assert_eq!(read((Unbounded, Unbounded)).await, all);
        assert_eq!(read((Included(u64::MAX), Unbounded)).await, all[9..]);
        assert_eq!(read((Included(0), Included(u64::MAX))).await, all);
        assert_eq!(read((Included(0), Excluded(u64::MAX))).await, all[..9]);
        assert_eq!(read((Excluded(u64::MAX - 2), Included(u64::MAX - 1))).await, all[8..9]);
        assert_eq!(read((Excluded(u64::MAX), Unbounded)).await, []);
        assert_eq!(read((Unbounded, Excluded(0))).await, []);
        assert_eq!(read((Included(9), Included(3))).await, []);
        assert_eq!(read((Included(0), Included(100))).await, []);
        assert_eq!(
            store.limited_get_log_entries(u64::MAX - 1, u64::MAX).await.unwrap(),
            all[8..9]
        );
    }

    let error = store
        .append([entry(1, 0, "past the end")], IOFlushed::noop())
        .await
        .unwrap_err();
    assert!(
        matches!(
            store_error(&error),
            RocksdbLogStoreError::NotConsecutive { index: 0, .. }
        ),
        "{error}"
    );
    store.purge(log_id(1, u64::MAX)).await.unwrap();
    drop(store);
    let mut store = open(&db, Flat);
    assert_eq!(
        store.get_log_state().await.unwrap().last_log_id,
        Some(log_id(1, u64::MAX))
    );
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), []);
}

#[tokio::test]
async fn a_limited_read_returns_about_a_mebibyte_and_at_least_one_entry() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    let big = "x".repeat(300 << 10);
    let mut log: Vec<_> = (0..8).map(|index| entry(1, index, &big)).collect();
    log.push(entry(1, 8, big.repeat(10)));
    store.blocking_append(log.clone()).await.unwrap();

    for on_disk in [false, true] {
        if on_disk {
            drop(store);
            store = open(&db, Flat);
        }
        assert_eq!(store.limited_get_log_entries(0, 9).await.unwrap(), log[..4]);
        assert_eq!(store.limited_get_log_entries(3, 5).await.unwrap(), log[3..5]);
        assert_eq!(store.limited_get_log_entries(8, u64::MAX).await.unwrap(), log[8..]);
        assert_eq!(store.limited_get_log_entries(5, 5).await.unwrap(), []);
        let streamed: Vec<_> = store.entries_stream(1..).await.map(Result::unwrap).collect().await;
        assert_eq!(streamed, log[1..]);
    }
}

#[tokio::test]
async fn a_log_that_is_longer_than_the_tail_is_read_from_disk_and_tail_as_one() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    // Groups share the memory for their tails: the more groups there are, the fewer entries each group keeps.
    let _others: Vec<_> = (1..32).map(|id| open(&db, GroupPrefixed::new(id))).collect();
    let mut store = open(&db, GroupPrefixed::new(0));
    let big = "x".repeat(1 << 20);

    for index in 0..30 {
        // Do not wait for the callbacks: by now RocksDB has some of the entries, and only the tail has the rest.
        store.append([entry(1, index, &big)], IOFlushed::noop()).await.unwrap();
        let read = store.try_get_log_entries(index.saturating_sub(5)..).await.unwrap();
        assert_eq!(read.len() as u64, index.min(5) + 1);
    }
    let mut stream = store.entries_stream(..).await;
    for index in 0..30 {
        assert_eq!(stream.next().await.unwrap().unwrap().index(), index);
    }
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn an_idle_group_keeps_no_more_than_its_share_of_memory() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let _others: Vec<_> = (1..64).map(|id| open(&db, GroupPrefixed::new(id))).collect();
    let mut store = open(&db, GroupPrefixed::new(0));
    let seeks = || options.get_ticker_count(Ticker::NumberDbSeek);

    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    let before = seeks();
    store.try_get_log_entries(..).await.unwrap();
    assert_eq!(seeks() - before, 0, "a small log is read from memory");

    store
        .blocking_append([entry(1, 10, "x".repeat(8 << 20))])
        .await
        .unwrap();
    let before = seeks();
    assert_eq!(store.try_get_log_entries(10..).await.unwrap().len(), 1);
    assert_eq!(seeks() - before, 1, "8 MiB are more than the share of one of 64 groups");
}

#[tokio::test]
async fn a_stream_bound_to_a_leader_ends_with_an_error_as_soon_as_the_vote_is_another() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    let mut writer = store.clone();
    let leader = VoteOf::<Types>::new_committed(2, 1);
    store.blocking_append(entries(2, 0..=9)).await.unwrap();

    let no_vote: Vec<_> = store.leader_bounded_stream(leader.leader_id, ..).await.collect().await;
    assert!(matches!(no_vote[..], [Err(LeaderBoundedStreamError::LeaderChanged(_))]));

    writer.save_vote(&leader).await.unwrap();
    {
        let mut stream = store.leader_bounded_stream(leader.leader_id, 0..10).await;
        for index in 0..5 {
            assert_eq!(stream.next().await.unwrap().unwrap().index(), index);
        }
        writer.save_vote(&VoteOf::<Types>::new(3, 2)).await.unwrap();
        writer.truncate_after(Some(log_id(2, 2))).await.unwrap();
        assert!(matches!(
            stream.next().await,
            Some(Err(LeaderBoundedStreamError::LeaderChanged(_)))
        ));
        assert!(stream.next().await.is_none());
    }
}

/// Table files that block whoever opens them, as a slow disk does: named pipes have their places.
struct StuckTables(Vec<PathBuf>);

impl StuckTables {
    /// Puts a named pipe into the place of each table file in `dir`. RocksDB keeps the files that it has open.
    fn in_place_of_tables(dir: &Path) -> Self {
        let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
        let tables: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|e| e == "sst"))
            .collect();
        for table in &tables {
            fs::remove_file(table).unwrap();
        }
        assert!(Command::new("mkfifo").args(&tables).status().unwrap().success());
        Self(tables)
    }

    /// Lets a thread go on that is opening one of the tables. Returns `false` if there is no such thread.
    ///
    /// RocksDB then finds out that the file is no table, and opens the next one.
    fn release_one(&self) -> bool {
        const O_NONBLOCK: i32 = 0o4000;
        let open = |table| OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(table);
        self.0.iter().any(|table| open(table).is_ok())
    }

    /// Lets all threads go on until `done`.
    fn release_until(&self, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < DEADLINE, "the tables still block somebody");
            if !self.release_one() {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The log store creates iterators while it holds the lock of the group's state. This relies on RocksDB, which opens
/// table files only when an iterator is positioned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_waits_for_the_disk_holds_up_no_append_of_any_group() {
    const TABLES: u64 = 40;
    let dir = TempDir::new().unwrap();
    let open_few_files = || {
        let mut options = db_options();
        // RocksDB raises this to 20, of which 10 are for tables.
        options.set_max_open_files(20);
        options.set_table_cache_num_shard_bits(0);
        let column_families = [LOG_CF, META_CF].map(|name| {
            let mut options = log_cf_options();
            options.set_disable_auto_compactions(true);
            options.set_level_zero_slowdown_writes_trigger(1000);
            options.set_level_zero_stop_writes_trigger(1000);
            ColumnFamilyDescriptor::new(name, options)
        });
        Arc::new(DB::open_cf_descriptors(&options, &dir, column_families).unwrap())
    };
    {
        let db = open_few_files();
        let mut store = open(&db, GroupPrefixed::new(1));
        for index in 0..TABLES {
            store.blocking_append([entry(1, index, "x")]).await.unwrap();
            db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
        }
    }
    let db = open_few_files();
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));
    let mut reader = store.clone();

    let tables = StuckTables::in_place_of_tables(dir.path());
    let runtime = tokio::runtime::Handle::current();
    let read = thread::spawn(move || runtime.block_on(reader.try_get_log_entries(..)));
    // Wait until the read opens tables. It has many more to open.
    let start = Instant::now();
    while !tables.release_one() {
        assert!(start.elapsed() < DEADLINE, "the read opens no table");
        thread::sleep(Duration::from_millis(1));
    }
    let appends = tokio::spawn(async move {
        store.blocking_append([entry(1, TABLES, "x")]).await.unwrap();
        other.blocking_append([entry(1, 0, "x")]).await.unwrap();
    });
    let appended = tokio::time::timeout(DEADLINE, appends).await;
    let still_reads = !read.is_finished();
    tables.release_until(|| read.is_finished());
    appended.expect("an append waits for the read").unwrap();
    assert!(still_reads);
}
