//! The log stores and key spaces of this library keep the rules of the conformance checks.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, LogDbOptions, META_CF, open_db};
use openraft_toolkit::openraft::OptionalSend;
use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::test_fakes::conformance::{
    GROUP_IDS, LogDisk, LogStoreOptions, key_spaces, log_store, log_store_with,
};
use openraft_toolkit::test_fakes::{LogStoreCall, MemLogStore};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Store, Types, open, open_dir};
use openraft_toolkit_tests::run::{rounds, seed};
use rocksdb::DB;
use tempfile::TempDir;

fn options() -> LogStoreOptions {
    LogStoreOptions {
        seed: seed(),
        histories: rounds(20, 500),
        ..LogStoreOptions::default()
    }
}

/// A database with one group.
struct FlatDisk(TempDir);

impl LogDisk<Types> for FlatDisk {
    type LogStore = Store<Flat>;

    async fn open(&mut self) -> io::Result<Store<Flat>> {
        let db = open_db(self.0.path(), LogDbOptions::default())?;
        Ok(Store::open(db, LOG_CF, META_CF, Flat)?)
    }

    /// Leaves the files that a killed process leaves. The tests in `log_store::durability` also lose data that was not
    /// durable.
    async fn power_cut(&self) -> io::Result<Option<Self>> {
        Ok(Some(Self(Image::of_running(&self.0).write())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flat_log_conforms() {
    let report = log_store_with(options(), || Ok(FlatDisk(TempDir::new()?))).await;
    let report = report.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(report.power_cuts > 0, "{report}");
    println!("a flat log: {report}");
}

/// One of many groups in a database that stays open.
struct GroupDisk {
    db: Arc<DB>,
    group: u64,
}

impl LogDisk<Types> for GroupDisk {
    type LogStore = Store<GroupPrefixed>;

    async fn open(&mut self) -> io::Result<Store<GroupPrefixed>> {
        let keys = GroupPrefixed::new(self.group);
        Ok(Store::open(self.db.clone(), LOG_CF, META_CF, keys)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_interleaved_in_the_same_column_families_conform() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let next = Arc::new(AtomicU64::default());
    let checks = (0..4).map(|_| {
        let (db, next) = (db.clone(), next.clone());
        tokio::spawn(log_store(move || {
            Ok(GroupDisk {
                db: db.clone(),
                group: next.fetch_add(1, Ordering::Relaxed),
            })
        }))
    });
    for check in checks.collect::<Vec<_>>() {
        let report = check.await.unwrap().unwrap_or_else(|violation| panic!("{violation}"));
        // A power cut of a single group is not possible.
        assert!(report.restarts > 0 && report.power_cuts == 0, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_memory_conforms() {
    let options = LogStoreOptions {
        histories: rounds(300, 20_000),
        ..options()
    };
    let report = log_store_with(options, || Ok(MemLogStore::<Types>::new())).await;
    let report = report.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(report.power_cuts > 0, "{report}");
    println!("a log in memory: {report}");
}

/// A log in memory that takes a while to sync, so that a power cut loses some writes.
struct SlowDisk {
    store: MemLogStore<Types>,
    /// How many writes all power cuts have lost.
    lost: Arc<AtomicU64>,
}

impl LogDisk<Types> for SlowDisk {
    type LogStore = MemLogStore<Types>;

    async fn open(&mut self) -> io::Result<MemLogStore<Types>> {
        self.store
            .faults()
            .delay(LogStoreCall::Callback, Duration::from_millis(10));
        Ok(self.store.clone())
    }

    async fn power_cut(&self) -> io::Result<Option<Self>> {
        let unsynced = self.store.unsynced();
        let kept = unsynced / 2;
        self.lost.fetch_add((unsynced - kept) as u64, Ordering::Relaxed);
        Ok(Some(Self {
            store: self.store.crash_keeping(kept),
            lost: self.lost.clone(),
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_conforms_that_loses_what_it_has_not_acknowledged() {
    let options = LogStoreOptions {
        histories: rounds(300, 20_000),
        ..options()
    };
    let lost = Arc::new(AtomicU64::new(0));
    let new_disk = || {
        Ok(SlowDisk {
            store: MemLogStore::new(),
            lost: lost.clone(),
        })
    };

    let report = log_store_with(options, new_disk).await;

    let report = report.unwrap_or_else(|violation| panic!("{violation}"));
    let lost = lost.load(Ordering::Relaxed);
    assert!(report.power_cuts > 0 && lost > 0, "{report}, {lost} writes lost");
    println!("a log on a slow disk: {report}, {lost} writes lost that were not acknowledged");
}

/// A log that is closed and opened for every call, so that everything is read from disk.
#[derive(Clone)]
struct Reopened {
    db: Arc<DB>,
}

struct ReopenedDisk {
    _dir: TempDir,
    db: Arc<DB>,
}

impl LogDisk<Types> for ReopenedDisk {
    type LogStore = Reopened;

    async fn open(&mut self) -> io::Result<Reopened> {
        Ok(Reopened { db: self.db.clone() })
    }
}

impl RaftLogReader<Types> for Reopened {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<EntryOf<Types>>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        open(&self.db, Flat).try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<EntryOf<Types>>, io::Error> {
        open(&self.db, Flat).limited_get_log_entries(start, end).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<Types>>, io::Error> {
        open(&self.db, Flat).read_vote().await
    }
}

impl RaftLogStorage<Types> for Reopened {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        open(&self.db, Flat).get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> Result<(), io::Error> {
        open(&self.db, Flat).save_vote(vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<Types>>) -> Result<(), io::Error> {
        open(&self.db, Flat).save_committed(committed).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<Types>>, io::Error> {
        open(&self.db, Flat).read_committed().await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        open(&self.db, Flat)
            .blocking_append(entries)
            .await
            .map_err(io::Error::other)?;
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<Types>>) -> Result<(), io::Error> {
        open(&self.db, Flat).truncate_after(last_log_id).await
    }

    async fn purge(&mut self, log_id: LogIdOf<Types>) -> Result<(), io::Error> {
        open(&self.db, Flat).purge(log_id).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_reopened_for_every_call_conforms() {
    let new_disk = || {
        let dir = TempDir::new()?;
        let db = open_dir(&dir);
        Ok(ReopenedDisk { _dir: dir, db })
    };

    let report = log_store(new_disk).await;

    let report = report.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(report.restarts > 0 && report.power_cuts == 0, "{report}");
}

#[test]
fn the_key_spaces_conform() {
    key_spaces([Flat]).unwrap();
    key_spaces(GROUP_IDS.map(GroupPrefixed::new)).unwrap();
    key_spaces((0..100).map(GroupPrefixed::new)).unwrap();
}
