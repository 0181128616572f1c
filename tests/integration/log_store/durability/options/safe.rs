//! With each of these options, a log lives through writes, flushes, compactions, kills and torn WALs.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, META_CF, groups, recover, verify};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Entry, Types, entries, entry, log_id, open};
use openraft_toolkit_tests::run::{Length, length};
use rocksdb::{DB, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Change, open_with, set};

/// Options of a database, and what they are tested together with.
const DATABASE: &[&str] = &[
    "WAL_size_limit_MB=1",
    "WAL_ttl_seconds=3600",
    "allow_concurrent_memtable_write=false",
    "allow_fallocate=false",
    "allow_ingest_behind=true",
    "allow_mmap_reads=true",
    "allow_mmap_writes=true",
    "async_wal_precreate=true",
    "atomic_flush=true",
    "avoid_flush_during_shutdown=true",
    "avoid_unnecessary_blocking_io=true",
    "background_close_inactive_wals=true",
    "db_write_buffer_size=65536",
    "delete_obsolete_files_period_micros=1",
    "enable_pipelined_write=true",
    "enforce_write_buffer_manager_during_recovery=false",
    "fast_sst_open=true",
    "manual_wal_flush=true",
    "max_manifest_file_size=1",
    "max_open_files=20",
    "max_total_wal_size=1",
    "max_write_batch_group_size_bytes=1",
    "open_files_async=true;skip_stats_update_on_db_open=true",
    "optimize_manifest_for_recovery=true",
    "persist_stats_to_disk=true;stats_persist_period_sec=1",
    "prefix_seek_opt_in_only=true",
    "reuse_manifest_on_open=true",
    "track_and_verify_wals=true",
    "two_write_queues=true",
    "unordered_write=true",
    "use_fsync=true",
    "verify_manifest_content_on_close=true",
    "verify_sst_unique_id_in_manifest=false",
    "wal_bytes_per_sync=1;bytes_per_sync=1;strict_bytes_per_sync=true",
    "writable_file_max_buffer_size=1",
    "write_dbid_to_manifest=false",
    "write_identity_file=false",
];

/// Options of a column family, and what they are tested together with.
const COLUMN_FAMILY: &[&str] = &[
    "block_based_table_factory={block_align=true}",
    "block_based_table_factory={data_block_index_type=kDataBlockBinaryAndHash;index_type=kBinarySearchWithFirstKey}",
    "block_based_table_factory={index_type=kTwoLevelIndexSearch;partition_filters=true;\
     filter_policy=bloomfilter:10:false;metadata_block_size=1;block_size=1}",
    "block_based_table_factory={separate_key_value_in_data_block=true;index_block_search_type=kAuto;\
     uniform_cv_threshold=0.2}",
    "cf_allow_ingest_behind=true;compaction_style=kCompactionStyleUniversal;num_levels=3",
    "compaction_style=kCompactionStyleUniversal",
    "disable_auto_compactions=true",
    "enable_blob_files=true;min_blob_size=0;enable_blob_garbage_collection=true;\
     blob_garbage_collection_age_cutoff=1.0;blob_garbage_collection_force_threshold=0.0",
    "experimental_mempurge_threshold=1.0;write_buffer_size=65536",
    "experimental_mempurge_threshold=100.0;write_buffer_size=65536",
    "force_consistency_checks=false",
    "level0_file_num_compaction_trigger=1;target_file_size_base=1;max_bytes_for_level_base=1",
    "max_sequential_skip_in_iterations=0",
    "max_successive_merges=3;merge_operator=uint64add",
    "max_write_buffer_size_to_maintain=1000000",
    "memtable_batch_lookup_optimization=true",
    "memtable_factory=vector",
    "memtable_factory=prefix_hash;prefix_extractor=fixed:8",
    "memtable_factory=hash_linkedlist;prefix_extractor=fixed:8",
    "memtable_factory=hash_linkedlist;prefix_extractor=fixed:10",
    "memtable_max_range_deletions=1",
    "memtable_op_scan_flush_trigger=1;memtable_avg_op_scan_flush_trigger=1",
    "memtable_prefix_bloom_size_ratio=0.2;memtable_whole_key_filtering=true;prefix_extractor=fixed:3",
    "memtable_protection_bytes_per_key=8;block_protection_bytes_per_key=8;paranoid_memory_checks=true;\
     memtable_verify_per_key_checksum_on_seek=true",
    "min_tombstones_for_range_conversion=1",
    "min_write_buffer_number_to_merge=3;max_write_buffer_number=5",
    "num_levels=2;level_compaction_dynamic_level_bytes=false",
    "paranoid_file_checks=true;verify_output_flags=7",
    "periodic_compaction_seconds=1;ttl=1",
    "preclude_last_level_data_seconds=100;compaction_style=kCompactionStyleUniversal",
    "prefix_extractor=capped:12",
    "prefix_extractor=fixed:9;block_based_table_factory={index_type=kHashSearch}",
    "preserve_internal_time_seconds=10",
    "read_triggered_compaction_threshold=1",
    "sst_partitioner_factory={id=SstPartitionerFixedPrefixFactory;length=9}",
];

/// Returns the names of the options that this file tests.
pub(super) fn tested() -> Vec<&'static str> {
    let settings = DATABASE
        .iter()
        .chain(COLUMN_FAMILY)
        .flat_map(|options| options.split([';', '{', '}']));
    settings
        .filter_map(|setting| setting.trim().split('=').next())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The groups of a database, with the least and the greatest keys.
const GROUPS: [u64; 3] = [0, 7, u64::MAX];

/// The options of a database and of its column families.
struct Configuration {
    name: &'static str,
    database: Change,
    column_family: Change,
}

impl Configuration {
    fn all() -> impl Iterator<Item = Self> {
        let database = DATABASE.iter().map(|name| Self {
            name,
            database: set(name),
            column_family: Box::new(|_| {}),
        });
        let column_family = COLUMN_FAMILY.iter().map(|name| Self {
            name,
            // Some memtables do not support concurrent writes.
            database: set("allow_concurrent_memtable_write=false"),
            column_family: set(name),
        });
        database.chain(column_family)
    }

    fn open(&self, dir: &Path) -> Arc<DB> {
        recover(dir).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let opened = open_with(dir, &self.database, |_, options: &mut Options| {
            (self.column_family)(options)
        });
        opened.unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// Lets a database live twice, and returns without a panic if nothing is lost. The first life ends with a clean
    /// close, and the second one with a kill.
    async fn live(&self) {
        let dir = TempDir::new().unwrap();
        let mut log = Log::default();
        for life in 1..=2 {
            let db = self.open(dir.path());
            let before = log.clone();
            for group in GROUPS {
                log = before.clone();
                log.write(&db, group, life).await;
            }
            self.check(&db, &log).await;
            let killed = Image::of_running(&dir);
            self.check_reopened(&killed, &log).await;
            self.check_reopened(&torn(&killed), &log).await;
        }
    }

    /// Opens the files twice: RocksDB drops a torn end of the WAL when it opens a database, and the second opening
    /// reads what the first one has left.
    async fn check_reopened(&self, image: &Image, expected: &Log) {
        let mut image = image.clone();
        for _ in 0..2 {
            let dir = image.write();
            let db = self.open(dir.path());
            self.check(&db, expected).await;
            image = Image::of_running(&dir);
        }
    }

    /// Checks that each group has `expected`, and that the tools for operators agree.
    async fn check(&self, db: &Arc<DB>, expected: &Log) {
        for group in GROUPS {
            let mut store = open(db, GroupPrefixed::new(group));
            let stored = Log {
                vote: store.read_vote().await.unwrap(),
                entries: store.try_get_log_entries(..).await.unwrap(),
            };
            assert!(stored == *expected, "{}, group {group}: {stored:?}", self.name);
        }
        assert_eq!(
            groups::<Types>(db, LOG_CF, META_CF).unwrap().len(),
            GROUPS.len(),
            "{}",
            self.name
        );
        for group in verify::<Types>(db, LOG_CF, META_CF, None).unwrap() {
            assert!(group.problems.is_empty(), "{}: {group:?}", self.name);
        }
    }
}

/// What must be in the log of a group.
#[derive(Clone, Debug, Default, PartialEq)]
struct Log {
    vote: Option<VoteOf<Types>>,
    entries: Vec<Entry>,
}

impl Log {
    /// Votes, appends, truncates, appends again, purges, flushes and compacts.
    async fn write(&mut self, db: &Arc<DB>, group: u64, life: u64) {
        let mut store = open(db, GroupPrefixed::new(group));
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), self.entries);
        let flush = |cf: &str| db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
        let (old, new) = (2 * life - 1, 2 * life);
        let first = self.entries.last().map_or(0, |last| last.log_id.index + 1);
        let vote = VoteOf::<Types>::new(new, 1);
        store.save_vote(&vote).await.unwrap();
        self.vote = Some(vote);

        store
            .blocking_append(self.append(old, first..first + 30))
            .await
            .unwrap();
        flush(LOG_CF);
        store.truncate_after(Some(log_id(old, first + 9))).await.unwrap();
        self.entries.retain(|entry| entry.log_id.index < first + 10);
        store
            .blocking_append(self.append(new, first + 10..first + 20))
            .await
            .unwrap();
        flush(META_CF);
        store.purge(log_id(old, first + 5)).await.unwrap();
        self.entries.retain(|entry| entry.log_id.index > first + 5);
        db.compact_range_cf(&db.cf_handle(LOG_CF).unwrap(), None::<&[u8]>, None::<&[u8]>);
        // These fill a small memtable more than once.
        store
            .blocking_append(self.append(new, first + 20..first + 40))
            .await
            .unwrap();
        store
            .blocking_append(self.append(new, first + 40..first + 60))
            .await
            .unwrap();
    }

    fn append(&mut self, term: u64, indexes: Range<u64>) -> Vec<Entry> {
        let data = format!("{term} {}", "x".repeat(3_000));
        let new: Vec<_> = indexes.map(|index| entry(term, index, data.as_str())).collect();
        self.entries.extend(new.clone());
        new
    }
}

/// Returns the files with the start of a record at the end of the WAL that was written last.
fn torn(image: &Image) -> Image {
    let wals = image
        .0
        .iter()
        .filter(|(name, bytes)| name.ends_with(".log") && !bytes.is_empty());
    let (name, bytes) = wals.max().expect("a WAL has data");
    // A header that announces a record of 1,000 bytes, and 10 of them.
    let start = [[1, 2, 3, 4].as_slice(), &1_000_u16.to_le_bytes(), &[1], &[9; 10]].concat();
    image.with(name, Some([bytes.as_slice(), &start].concat()))
}

/// How many databases live at the same time. Most of the time, they wait for the disk.
const AT_ONCE: usize = 8;

/// Lets a database live with each of `configurations`, and returns how many those are.
async fn live_all(configurations: impl Iterator<Item = Configuration>) -> usize {
    let mut lives = JoinSet::new();
    let mut count = 0;
    for configuration in configurations {
        if lives.len() == AT_ONCE {
            lives.join_next().await.unwrap().unwrap();
        }
        lives.spawn(async move { configuration.live().await });
        count += 1;
    }
    lives.join_all().await;
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_each_safe_option_a_log_survives_kills_and_torn_wals() {
    let step = if length() == Length::Short { 3 } else { 1 };
    let count = live_all(Configuration::all().step_by(step)).await;
    println!("safe options: {count} configurations");
}

/// The log store follows the WAL from one file to the next, although a later and empty WAL always exists.
#[tokio::test]
async fn a_wal_that_rocksdb_creates_in_advance_is_not_taken_for_the_current_one() {
    let dir = TempDir::new().unwrap();
    let options = set("async_wal_precreate=true");
    let db = open_with(&dir, &options, |_, _| {}).unwrap();
    let mut store = open(&db, Flat);
    let mut in_advance = 0;
    for index in 0..50 {
        store.blocking_append(entries(1, index..=index)).await.unwrap();
        let killed = Image::of_running(&dir);
        let last = killed.newest_wal();
        in_advance += u32::from(killed.0[last].is_empty());
        let account = killed.account().unwrap();
        assert!(!killed.0[last].is_empty() || account.wal_name() != last, "{account:?}");
        if index % 10 == 0 {
            let dir = torn(&killed).write();
            recover(&dir).unwrap();
            let db = open_with(&dir, &options, |_, _| {}).unwrap();
            let mut store = open(&db, Flat);
            assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=index));
        }
        db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    }
    assert!(in_advance > 0, "RocksDB has created no WAL in advance");
}

/// With a prefix extractor, RocksDB's iterators find only keys with the same prefix, unless they ask for all keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn iterators_find_all_keys_whatever_the_prefix_extractor_is() {
    let has_prefixes = |configuration: &Configuration| configuration.name.contains("prefix_extractor");
    live_all(Configuration::all().filter(has_prefixes)).await;
}
