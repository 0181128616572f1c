//! A log of strings: its type config, its entries, and how its stores are opened.

use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use openraft_toolkit::log_store::{
    KeySpace, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, RocksdbLogStoreError, StoreOptions, db_options,
    log_cf_options, meta_cf_options, open_db,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId, RaftTypeConfig};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};

openraft_toolkit::declare_raft_types_ext! {
    /// The type config of a log of strings.
    pub Types: Node = (), AppData = String, AppDataResponse = ()
}

pub type Store<K> = RocksdbLogStore<Types, K>;
pub type Entry = EntryOf<Types>;

/// Returns the log id of an entry that node 1 wrote as the leader of `term`.
pub fn log_id(term: u64, index: u64) -> LogIdOf<Types> {
    LogId::new(LeaderIdOf::<Types>::new(term, 1).to_committed(), index)
}

pub fn entry(term: u64, index: u64, data: impl Into<String>) -> Entry {
    Entry::new(log_id(term, index), EntryPayload::Normal(data.into()))
}

/// Returns entries that each hold their own term and index.
pub fn entries(term: u64, indexes: RangeInclusive<u64>) -> Vec<Entry> {
    indexes
        .map(|index| entry(term, index, format!("{term}-{index}")))
        .collect()
}

/// Opens the database in `dir`.
pub fn open_dir(dir: impl AsRef<Path>) -> Arc<DB> {
    open_db(dir, LogDbOptions::default()).unwrap()
}

/// Opens the store of a group in a database that [`open_dir`] opened.
pub fn open<K: KeySpace>(db: &Arc<DB>, keys: K) -> Store<K> {
    open_as(db, keys)
}

/// Opens the store of a group as [`open`] does, with options of the writer.
pub fn open_with<K: KeySpace>(db: &Arc<DB>, keys: K, options: StoreOptions) -> Store<K> {
    Store::open_with(db.clone(), LOG_CF, META_CF, keys, options).unwrap()
}

/// Opens the store of a group as [`open`] does, with another type config.
pub fn open_as<C: RaftTypeConfig, K: KeySpace>(db: &Arc<DB>, keys: K) -> RocksdbLogStore<C, K> {
    RocksdbLogStore::open(db.clone(), LOG_CF, META_CF, keys).unwrap()
}

/// Opens the database in `dir` with options that turn on RocksDB's counters.
pub fn open_counting(dir: impl AsRef<Path>) -> (Arc<DB>, Options) {
    let mut options = db_options();
    options.enable_statistics();
    let column_families = [
        ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
        ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
    ];
    let db = DB::open_cf_descriptors(&options, dir, column_families).unwrap();
    (Arc::new(db), options)
}

/// Tries to open the store of a group, and returns why that fails.
pub fn open_error<K: KeySpace>(db: &Arc<DB>, keys: K) -> RocksdbLogStoreError {
    Store::open(db.clone(), LOG_CF, META_CF, keys).unwrap_err()
}

/// Returns the log store's own error inside the error of one of openraft's storage traits.
pub fn store_error(error: &io::Error) -> &RocksdbLogStoreError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.unwrap_or_else(|| panic!("not a log store error: {error:?}"))
}

/// Unwraps the log store's own error from the error of one of openraft's storage traits.
pub fn into_store_error(error: io::Error) -> RocksdbLogStoreError {
    let error = error.downcast();
    error.unwrap_or_else(|error| panic!("not a log store error: {error:?}"))
}
