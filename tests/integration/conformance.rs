//! openraft's own test suite for log storage.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft_toolkit::log_store::{Flat, GroupPrefixed, KeySpace, LOG_CF, META_CF, RocksdbLogStore};
use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::testing::log::{StoreBuilder, Suite};
use openraft_toolkit::openraft::{OptionalSend, StorageError};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::TypeConfig;
use rocksdb::DB;
use tempfile::TempDir;

use crate::log_store::open_dir;

type Store<K> = RocksdbLogStore<TypeConfig, K>;

fn open<K: KeySpace>(db: &Arc<DB>, keys: K) -> Store<K> {
    Store::open(db.clone(), LOG_CF, META_CF, keys).unwrap()
}

/// A database for each test of the suite.
struct FlatBuilder;

impl StoreBuilder<TypeConfig, Store<Flat>, KvStateMachine, TempDir> for FlatBuilder {
    async fn build(&self) -> Result<(TempDir, Store<Flat>, KvStateMachine), StorageError<TypeConfig>> {
        let dir = TempDir::new().unwrap();
        let store = open(&open_dir(&dir), Flat);
        let state_machine = KvStateMachine::open(dir.path());
        Ok((dir, store, state_machine))
    }
}

/// A group for each test of the suite, beside those of all the others.
#[derive(Clone)]
struct GroupBuilder {
    db: Arc<DB>,
    next: Arc<AtomicU64>,
}

impl StoreBuilder<TypeConfig, Store<GroupPrefixed>, KvStateMachine, TempDir> for GroupBuilder {
    async fn build(&self) -> Result<(TempDir, Store<GroupPrefixed>, KvStateMachine), StorageError<TypeConfig>> {
        let dir = TempDir::new().unwrap();
        let group = self.next.fetch_add(1, Ordering::Relaxed);
        let state_machine = KvStateMachine::open(dir.path());
        Ok((dir, open(&self.db, GroupPrefixed::new(group)), state_machine))
    }
}

#[test]
fn a_flat_log_conforms() {
    use openraft_toolkit::openraft::type_config::TypeConfigExt;
    TypeConfig::run(Suite::test_all(FlatBuilder)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_interleaved_in_the_same_column_families_conform() {
    let dir = TempDir::new().unwrap();
    let builder = GroupBuilder {
        db: open_dir(&dir),
        next: Arc::default(),
    };
    let suites: Vec<_> = (0..4).map(|_| tokio::spawn(Suite::test_all(builder.clone()))).collect();
    for suite in suites {
        suite.await.unwrap().unwrap();
    }
}

/// A log that is closed and opened for every call, so that all of it is read from disk.
#[derive(Clone)]
struct Reopened {
    db: Arc<DB>,
}

struct ReopenedBuilder;

impl StoreBuilder<TypeConfig, Reopened, KvStateMachine, TempDir> for ReopenedBuilder {
    async fn build(&self) -> Result<(TempDir, Reopened, KvStateMachine), StorageError<TypeConfig>> {
        let dir = TempDir::new().unwrap();
        let state_machine = KvStateMachine::open(dir.path());
        let db = open_dir(&dir);
        Ok((dir, Reopened { db }, state_machine))
    }
}

impl RaftLogReader<TypeConfig> for Reopened {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<EntryOf<TypeConfig>>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        open(&self.db, Flat).try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<EntryOf<TypeConfig>>, io::Error> {
        open(&self.db, Flat).limited_get_log_entries(start, end).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<TypeConfig>>, io::Error> {
        open(&self.db, Flat).read_vote().await
    }
}

impl RaftLogStorage<TypeConfig> for Reopened {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        open(&self.db, Flat).get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<TypeConfig>) -> Result<(), io::Error> {
        open(&self.db, Flat).save_vote(vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<TypeConfig>>) -> Result<(), io::Error> {
        open(&self.db, Flat).save_committed(committed).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<TypeConfig>>, io::Error> {
        open(&self.db, Flat).read_committed().await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        open(&self.db, Flat)
            .blocking_append(entries)
            .await
            .map_err(io::Error::other)?;
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<TypeConfig>>) -> Result<(), io::Error> {
        open(&self.db, Flat).truncate_after(last_log_id).await
    }

    async fn purge(&mut self, log_id: LogIdOf<TypeConfig>) -> Result<(), io::Error> {
        open(&self.db, Flat).purge(log_id).await
    }
}

#[tokio::test]
async fn a_log_that_is_reopened_for_every_call_conforms() {
    Suite::test_all(ReopenedBuilder).await.unwrap();
}
