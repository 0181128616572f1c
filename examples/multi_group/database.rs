//! The RocksDB database of a node, with the logs and the snapshots of all groups.

use std::path::Path;
use std::sync::Arc;

use openraft_toolkit::log_store::{
    GroupPrefixed, LOG_CF, META_CF, RocksdbLogStore, RocksdbLogStoreError, db_options, open_db_with,
};
use openraft_toolkit::rocksdb::statistics::{StatsLevel, Ticker};
use openraft_toolkit::rocksdb::{DB, Options};

use crate::snapshots::{self, Snapshots};
use crate::types::{GroupId, TypeConfig};

pub type LogStore = RocksdbLogStore<TypeConfig, GroupPrefixed>;

pub struct Database {
    db: Arc<DB>,
    /// The options of the open database: RocksDB's counters are read through them.
    options: Options,
}

impl Database {
    /// Opens the database, with a column family for the snapshots beside those of the logs.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = db_options();
        options.enable_statistics();
        options.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
        let db = open_db_with(path, options.clone(), [(snapshots::CF, Options::default())])?;
        Ok(Self { db, options })
    }

    pub fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.db.clone())
    }

    /// Opens a group's log. Blocks, because it reads from the disk and waits for the log's writer.
    pub fn open_log(&self, group: GroupId) -> Result<LogStore, RocksdbLogStoreError> {
        LogStore::open(self.db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group))
    }

    /// Removes a group's log. Blocks for an fsync and a compaction.
    pub fn destroy_log(&self, group: GroupId) -> Result<(), RocksdbLogStoreError> {
        LogStore::destroy(self.db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group))
    }

    /// Returns the groups that have a log.
    pub fn logs(&self) -> anyhow::Result<Vec<GroupId>> {
        let groups = openraft_toolkit::log_store::groups::<TypeConfig>(&self.db, LOG_CF, META_CF)?;
        let ids = groups.into_iter().filter_map(|group| match group.keys {
            openraft_toolkit::log_store::GroupKeys::Prefixed(id) => Some(id),
            openraft_toolkit::log_store::GroupKeys::Flat => None,
        });
        Ok(ids.collect())
    }

    /// Returns how often the WAL was synced, for all groups together.
    pub fn fsyncs(&self) -> u64 {
        self.options.get_ticker_count(Ticker::WalFileSynced)
    }
}
