//! Reads of ranges, with a limit on size, from memory and from disk, and as streams.

use std::ops::Bound;

use futures_util::StreamExt;
use openraft_toolkit::log_store::{Flat, GroupPrefixed, RocksdbLogStoreError};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit_tests::log::{Types, entries, entry, log_id, open, open_counting, open_dir, store_error};
use rocksdb::statistics::Ticker;
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
