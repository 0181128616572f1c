//! What the log store promises, one rule a test.

use std::future::Future;
use std::mem;
use std::ops::Bound;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake};
use std::time::Duration;

use futures_util::StreamExt;
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, KeySpace, LOG_CF, LogDbOptions, META_CF, MetaLabel, RecordId, RocksdbLogStore,
    RocksdbLogStoreError, db_options, log_cf_options, meta_cf_options, open_db,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId};
use rocksdb::statistics::Ticker;
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use tempfile::TempDir;

openraft_toolkit::declare_raft_types_ext! {
    /// A log of strings.
    pub Types: Node = (), AppData = String, AppDataResponse = ()
}

pub type Store<K> = RocksdbLogStore<Types, K>;
pub type Entry = EntryOf<Types>;

pub fn log_id(term: u64, index: u64) -> LogIdOf<Types> {
    LogId::new(LeaderIdOf::<Types>::new(term, 1).to_committed(), index)
}

pub fn entry(term: u64, index: u64, data: impl Into<String>) -> Entry {
    Entry::new(log_id(term, index), EntryPayload::Normal(data.into()))
}

pub fn entries(term: u64, indexes: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    indexes
        .map(|index| entry(term, index, format!("{term}-{index}")))
        .collect()
}

pub fn open<K: KeySpace>(db: &Arc<DB>, keys: K) -> Store<K> {
    Store::open(db.clone(), LOG_CF, META_CF, keys).unwrap()
}

pub fn open_dir(dir: &TempDir) -> Arc<DB> {
    open_db(dir.path(), LogDbOptions::default()).unwrap()
}

/// A database whose options count what RocksDB does.
fn open_counting(dir: &TempDir) -> (Arc<DB>, Options) {
    let mut options = db_options();
    options.enable_statistics();
    let column_families = [
        ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
        ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
    ];
    let db = DB::open_cf_descriptors(&options, dir.path(), column_families).unwrap();
    (Arc::new(db), options)
}

/// Waits as a task whose waker is `waker` for what is durable next; with a waker that blocks or
/// panics, so does the callback.
async fn await_append_with(waker: impl Wake + Send + Sync + 'static, store: &mut Store<GroupPrefixed>, entry: Entry) {
    let (tx, rx) = Types::oneshot();
    let mut rx = Box::pin(rx);
    let waker = Arc::new(waker).into();
    assert!(rx.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    store.append([entry], IOFlushed::signal(tx)).await.unwrap();
    // The waker stays registered.
    mem::forget(rx);
}

fn store_error(e: &std::io::Error) -> &RocksdbLogStoreError {
    e.get_ref()
        .and_then(|e| e.downcast_ref())
        .unwrap_or_else(|| panic!("not a log store error: {e:?}"))
}

fn open_error<K: KeySpace>(db: &Arc<DB>, keys: K) -> RocksdbLogStoreError {
    Store::open(db.clone(), LOG_CF, META_CF, keys).unwrap_err()
}

#[tokio::test]
async fn appended_entries_are_readable_before_they_are_durable() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    let mut reader = store.get_log_reader().await;

    for index in 0..100 {
        store.append([entry(1, index, "x")], IOFlushed::noop()).await.unwrap();
        assert_eq!(
            reader.try_get_log_entries(index..).await.unwrap(),
            [entry(1, index, "x")]
        );
    }
}

#[tokio::test]
async fn everything_is_there_after_the_last_handle_is_dropped_and_the_path_reopened_at_once() {
    let dir = TempDir::new().unwrap();
    let vote = VoteOf::<Types>::new_committed(3, 1);
    for round in 0..20 {
        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        let first = round * 10;
        // Only the drop waits for these.
        store
            .append(entries(1, first..=first + 9), IOFlushed::noop())
            .await
            .unwrap();
        store.save_committed(Some(log_id(1, first))).await.unwrap();
        if round > 0 {
            store.purge(log_id(1, first - 5)).await.unwrap();
        }
        store.save_vote(&vote).await.unwrap();
        drop(store);

        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        assert_eq!(store.read_vote().await.unwrap(), Some(vote));
        assert_eq!(store.read_committed().await.unwrap(), Some(log_id(1, first)));
        let state = store.get_log_state().await.unwrap();
        assert_eq!(state.last_log_id, Some(log_id(1, first + 9)));
        assert_eq!(
            state.last_purged_log_id,
            (round > 0).then(|| log_id(1, first.saturating_sub(5)))
        );
        let kept = if round > 0 { first - 4 } else { 0 };
        assert_eq!(
            store.try_get_log_entries(..).await.unwrap(),
            entries(1, kept..=first + 9)
        );
    }
}

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
async fn an_append_with_a_hole_is_refused_and_nothing_of_it_is_kept() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();

    for bad in [
        vec![entry(1, 6, "x")],
        vec![entry(1, 4, "x")],
        vec![entry(1, 5, "x"), entry(1, 7, "x")],
    ] {
        let error = store.append(bad, IOFlushed::noop()).await.unwrap_err();
        assert!(
            matches!(store_error(&error), RocksdbLogStoreError::NotConsecutive { .. }),
            "{error}"
        );
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
    }
    store.blocking_append(entries(1, 5..=6)).await.unwrap();
}

#[tokio::test]
async fn a_hole_on_disk_is_an_error_and_never_a_shorter_log() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    store.purge(log_id(1, 1)).await.unwrap();
    drop(store);
    let delete = |index: u64| {
        let cf = db.cf_handle(LOG_CF).unwrap();
        db.delete_cf(&cf, Flat.log_key(index)).unwrap();
    };

    delete(5);
    let mut store = open(&db, Flat);
    assert_eq!(store.try_get_log_entries(0..5).await.unwrap(), entries(1, 2..=4));
    assert_eq!(store.try_get_log_entries(6..).await.unwrap(), entries(1, 6..=9));
    let error = store.try_get_log_entries(4..7).await.unwrap_err();
    assert!(
        matches!(store_error(&error), RocksdbLogStoreError::MissingEntry { index: 5, .. }),
        "{error}"
    );
    let read: Vec<_> = store.entries_stream(6..).await.collect().await;
    assert_eq!(read.len(), 4);
    drop(store);

    // The first entry behind the purged ones.
    delete(2);
    let error = open_error(&db, Flat);
    assert!(
        matches!(error, RocksdbLogStoreError::MissingEntry { index: 2, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_does_not_decode_is_an_error_that_names_the_group_and_the_record() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = GroupPrefixed::new(42);
    let mut store = open(&db, keys);
    store.blocking_append(entries(1, 0..=3)).await.unwrap();
    store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    drop(store);
    let put =
        |cf: &str, key: &dyn AsRef<[u8]>, value: &[u8]| db.put_cf(&db.cf_handle(cf).unwrap(), key, value).unwrap();

    // A newer version in the middle of the log.
    let good = db
        .get_cf(&db.cf_handle(LOG_CF).unwrap(), keys.log_key(1))
        .unwrap()
        .unwrap();
    put(LOG_CF, &keys.log_key(1), &[&[9], &good[1..]].concat());
    let mut store = open(&db, keys);
    let error = store.try_get_log_entries(..).await.unwrap_err();
    assert!(matches!(
        store_error(&error),
        RocksdbLogStoreError::Corrupt {
            record: RecordId::Entry(1),
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "GroupPrefixed { group_id: 42 }: the entry at index 1 cannot be decoded"
    );
    drop(store);

    // An entry under another's key.
    put(LOG_CF, &keys.log_key(2), &good);
    let mut store = open(&db, keys);
    let error = store.try_get_log_entries(2..3).await.unwrap_err();
    assert!(
        matches!(
            store_error(&error),
            RocksdbLogStoreError::Misplaced {
                index: 2,
                actual: 1,
                ..
            }
        ),
        "{error}"
    );
    drop(store);

    // A key that is nobody's.
    put(LOG_CF, &[keys.log_key(3).as_ref(), b"?"].concat(), &good);
    put(META_CF, &keys.meta_key(MetaLabel::Committed), b"");
    let error = open_error(&db, keys);
    assert!(matches!(
        error,
        RocksdbLogStoreError::Corrupt {
            record: RecordId::Meta(MetaLabel::Committed),
            ..
        }
    ));

    // The other groups are fine.
    open(&db, GroupPrefixed::new(41));
    open(&db, GroupPrefixed::new(43));
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
async fn more_than_memory_keeps_is_read_from_disk_and_tail_as_one_log() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    // The more groups there are, the less each keeps in memory.
    let _others: Vec<_> = (1..32).map(|id| open(&db, GroupPrefixed::new(id))).collect();
    let mut store = open(&db, GroupPrefixed::new(0));
    let big = "x".repeat(1 << 20);

    for index in 0..30 {
        // Nobody waits: some of it is in RocksDB by now, some is not.
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

#[tokio::test]
async fn groups_with_adjacent_and_extreme_ids_never_touch_each_other() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let ids = [0, 1, 2, 255, 256, u64::MAX - 1, u64::MAX];
    let mut stores: Vec<_> = ids.iter().map(|id| open(&db, GroupPrefixed::new(*id))).collect();
    for store in &mut stores {
        store.blocking_append(entries(1, 0..=9)).await.unwrap();
    }

    stores[1].truncate_after(None).await.unwrap();
    stores[3].purge(log_id(1, u64::MAX)).await.unwrap();
    stores[5].purge(log_id(1, 4)).await.unwrap();
    stores[6].truncate_after(Some(log_id(1, 4))).await.unwrap();
    stores[2].save_vote(&VoteOf::<Types>::new(9, 9)).await.unwrap();
    drop(stores);

    let mut read = Vec::new();
    for id in ids {
        read.push(open(&db, GroupPrefixed::new(id)).try_get_log_entries(..).await.unwrap());
        let vote = open(&db, GroupPrefixed::new(id)).read_vote().await.unwrap();
        assert_eq!(vote.is_some(), id == 2);
    }
    let all = entries(1, 0..=9);
    let expected = [
        all.clone(),
        vec![],
        all.clone(),
        vec![],
        all.clone(),
        all[5..].to_vec(),
        all[..5].to_vec(),
    ];
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_group_has_one_store_at_a_time() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let reader = store.get_log_reader().await;

    let error = open_error(&db, GroupPrefixed::new(1));
    assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }), "{error}");
    open(&db, GroupPrefixed::new(2));

    // What the old store left in the queue is there for the new one, though the writer goes on
    // for the other group.
    let _other = open(&db, GroupPrefixed::new(3));
    store.append(entries(1, 0..=99), IOFlushed::noop()).await.unwrap();
    drop(store);
    open_error(&db, GroupPrefixed::new(1));
    drop(reader);
    assert_eq!(
        open(&db, GroupPrefixed::new(1))
            .try_get_log_entries(..)
            .await
            .unwrap()
            .len(),
        100
    );
}

#[test]
fn a_column_family_that_is_missing_or_shared_is_named() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let error = Store::open(db.clone(), "nope", META_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "nope"));
    let error = Store::open(db.clone(), LOG_CF, "neither", Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "neither"));
    let error = Store::open(db, LOG_CF, LOG_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::SharedColumnFamily(name) if name == LOG_CF));
}

#[test]
fn a_database_that_must_exist_is_not_created() {
    let dir = TempDir::new().unwrap();
    let options = LogDbOptions {
        create_if_missing: false,
    };
    let error = open_db(dir.path().join("unmounted"), options).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
    assert!(!dir.path().join("unmounted/CURRENT").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_of_all_groups_share_syncs_and_none_is_acknowledged_without_one() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let syncs = || options.get_ticker_count(Ticker::WalFileSynced);

    // One after the other, each has its own sync.
    let mut store = open(&db, GroupPrefixed::new(0));
    let before = syncs();
    for index in 0..10 {
        store.blocking_append([entry(1, index, "x")]).await.unwrap();
    }
    assert_eq!(syncs() - before, 10);

    // What nobody waits for has none, until somebody waits.
    let before = syncs();
    store.purge(log_id(1, 3)).await.unwrap();
    store.save_committed(Some(log_id(1, 9))).await.unwrap();
    assert_eq!(syncs() - before, 0);
    store.blocking_append([]).await.unwrap();
    assert_eq!(syncs() - before, 1);

    // A truncation has its own, when there is something to truncate.
    let before = syncs();
    store.truncate_after(Some(log_id(1, 5))).await.unwrap();
    assert_eq!(syncs() - before, 1);
    store.truncate_after(Some(log_id(1, 5))).await.unwrap();
    drop(store);
    assert_eq!(syncs() - before, 1);

    // 2,000 appends in flight share them.
    let before = syncs();
    let appends = (1..=100).map(|group| {
        let mut store = open(&db, GroupPrefixed::new(group));
        tokio::spawn(async move {
            for index in 0..19 {
                store.append([entry(1, index, "x")], IOFlushed::noop()).await.unwrap();
            }
            store.blocking_append([entry(1, 19, "x")]).await.unwrap();
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let shared = syncs() - before;
    assert!((1..=400).contains(&shared), "{shared} syncs for 2,000 appends");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_waits_while_the_queue_is_full_and_goes_on_when_there_is_room() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let big = "x".repeat(8 << 20);
    let appends: Vec<_> = (0..4)
        .map(|group| {
            let mut store = open(&db, GroupPrefixed::new(group));
            let big = big.clone();
            tokio::spawn(async move {
                for index in 0..6 {
                    store.append([entry(1, index, &big)], IOFlushed::noop()).await.unwrap();
                }
                store.blocking_append([entry(1, 6, "last")]).await.unwrap();
            })
        })
        .collect();
    for append in appends {
        tokio::time::timeout(Duration::from_secs(60), append)
            .await
            .expect("an append is stuck")
            .unwrap();
    }
}

#[tokio::test]
async fn a_failed_write_is_final_for_every_group_and_every_later_call() {
    let dir = TempDir::new().unwrap();
    drop(open(&open_dir(&dir), Flat));
    // A database that refuses every write.
    let db = Arc::new(DB::open_cf_for_read_only(&db_options(), dir.path(), [LOG_CF, META_CF], false).unwrap());
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));

    let (tx, rx) = Types::oneshot();
    store.append(entries(1, 0..=3), IOFlushed::signal(tx)).await.unwrap();
    let error = rx.await.unwrap().unwrap_err();
    assert!(
        matches!(store_error(&error), RocksdbLogStoreError::WriteFailed(_)),
        "{error}"
    );

    let later = [
        store.append(entries(1, 4..=4), IOFlushed::noop()).await,
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await,
        store.truncate_after(None).await,
        store.purge(log_id(1, 1)).await,
        store.save_committed(None).await,
        other.append(entries(1, 0..=0), IOFlushed::noop()).await,
        other.save_vote(&VoteOf::<Types>::new(1, 1)).await,
    ];
    for error in later.map(Result::unwrap_err) {
        assert!(
            matches!(store_error(&error), RocksdbLogStoreError::WriteFailed(_)),
            "{error}"
        );
    }
    let error = open_error(&db, GroupPrefixed::new(3));
    assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
}

#[tokio::test]
async fn an_empty_append_still_reports_that_all_before_it_is_durable() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append([]).await.unwrap();
    store.blocking_append(entries(1, 0..=1)).await.unwrap();
    store.truncate_after(Some(log_id(1, 0))).await.unwrap();
    store.blocking_append([]).await.unwrap();
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=0));
}

#[tokio::test]
async fn after_a_purge_the_log_goes_on_right_behind_it() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    // A snapshot stands for more than the log had.
    store.purge(log_id(1, 9)).await.unwrap();

    for index in [9, 11] {
        let error = store
            .append([entry(1, index, "x")], IOFlushed::noop())
            .await
            .unwrap_err();
        assert!(
            matches!(
                store_error(&error),
                RocksdbLogStoreError::NotConsecutive { expected: 10, .. }
            ),
            "{error}"
        );
    }
    store.blocking_append(entries(2, 10..=11)).await.unwrap();
    drop(store);
    let mut store = open(&db, Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(2, 10..=11));
}

#[tokio::test]
async fn a_group_that_falls_silent_keeps_no_more_than_its_share_of_memory() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let _others: Vec<_> = (1..64).map(|id| open(&db, GroupPrefixed::new(id))).collect();
    let mut store = open(&db, GroupPrefixed::new(0));
    let seeks = || options.get_ticker_count(Ticker::NumberDbSeek);

    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    let before = seeks();
    store.try_get_log_entries(..).await.unwrap();
    assert_eq!(seeks() - before, 0, "what fits is read from memory");

    store
        .blocking_append([entry(1, 10, "x".repeat(8 << 20))])
        .await
        .unwrap();
    let before = seeks();
    assert_eq!(store.try_get_log_entries(10..).await.unwrap().len(), 1);
    assert_eq!(seeks() - before, 1, "8 MiB are beyond the share of one in 64");
}

#[test]
fn two_groups_never_share_a_column_family_where_their_keys_are_the_same() {
    let dir = TempDir::new().unwrap();
    let column_families = ["log 1", "log 2", "meta 1", "meta 2"];
    let db = Arc::new(DB::open_cf(&db_options(), dir.path(), column_families).unwrap());
    let open = |log, meta| Store::open(db.clone(), log, meta, Flat);

    let one = open("log 1", "meta 1").unwrap();
    for (log, meta) in [("log 1", "meta 1"), ("log 1", "meta 2"), ("log 2", "meta 1")] {
        let error = open(log, meta).unwrap_err();
        assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }), "{error}");
    }
    // A refusal leaves no claim behind.
    let two = open("log 2", "meta 2").unwrap();
    drop((one, two));
    open("log 1", "meta 2").unwrap();
}

#[tokio::test]
async fn a_callback_that_panics_is_nobody_elses_trouble() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics, as the test wants it");
        }
    }

    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));
    for index in 0..10 {
        await_append_with(Panics, &mut store, entry(1, index, "x")).await;
        other.blocking_append([entry(1, index, "x")]).await.unwrap();
    }
    store.blocking_append([entry(1, 10, "x")]).await.unwrap();
}

#[tokio::test]
async fn an_append_that_is_polled_while_it_waits_for_room_does_not_pile_up_wakers() {
    struct Blocks(Arc<Barrier>);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            self.0.wait();
            self.0.wait();
        }
    }
    struct Counts;
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {}
    }

    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let barrier = Arc::new(Barrier::new(2));
    await_append_with(Blocks(barrier.clone()), &mut store, entry(1, 0, "x")).await;
    barrier.wait();
    // The writer's thread stands still.
    let big = entry(1, 1, "x".repeat(33 << 20));
    store.append([big], IOFlushed::noop()).await.unwrap();

    let counts = Arc::new(Counts);
    let waker = counts.clone().into();
    let wakers;
    {
        let mut append = pin!(store.append([entry(1, 2, "x")], IOFlushed::noop()));
        for _ in 0..1000 {
            assert!(append.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        wakers = Arc::strong_count(&counts);
        barrier.wait();
        append.await.unwrap();
    }
    assert!(wakers < 10, "{wakers}");
    assert_eq!(store.try_get_log_entries(..).await.unwrap().len(), 3);
}
