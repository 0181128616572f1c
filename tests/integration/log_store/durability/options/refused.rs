//! Options that break the log are refused when a group is opened, before anything is written to the group.

use std::ffi::CStr;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::log_store::{Flat, LOG_CF, META_CF, RocksdbLogStoreError, db_options};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorageExt};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Store, entries, open, open_dir, open_error};
use rocksdb::compaction_filter::{CompactionFilter, Decision};
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{Cache, ColumnFamilyDescriptor, ColumnFamilyTtl, DB, Options};
use tempfile::TempDir;

use super::{Change, open_with, options_file, set};

/// An option with a value that is refused.
struct Case {
    option: &'static str,
    /// The value as it stands in the OPTIONS file.
    value: &'static str,
    change: Change,
}

fn case(option: &'static str, value: &'static str, change: Change) -> Case {
    Case { option, value, change }
}

fn database_cases() -> Vec<Case> {
    vec![
        case("allow_2pc", "true", set("allow_2pc=true")),
        case(
            "avoid_flush_during_recovery",
            "true",
            set("avoid_flush_during_recovery=true"),
        ),
        case("best_efforts_recovery", "true", set("best_efforts_recovery=true")),
        case(
            "row_cache",
            "a cache",
            Box::new(|options| options.set_row_cache(&Cache::new_lru_cache(1_000))),
        ),
    ]
}

fn column_family_cases() -> Vec<Case> {
    let bytewise = |a: &[u8], b: &[u8]| a.cmp(b);
    vec![
        case(
            "comparator",
            "rocksdb.ReverseBytewiseComparator",
            set("comparator=rocksdb.ReverseBytewiseComparator"),
        ),
        case(
            "comparator",
            "leveldb.BytewiseComparator.u64ts",
            set("comparator=leveldb.BytewiseComparator.u64ts"),
        ),
        case(
            "comparator",
            "mine",
            Box::new(move |options| options.set_comparator("mine", Box::new(bytewise))),
        ),
        case(
            "compaction_filter",
            "mine",
            Box::new(|options| options.set_compaction_filter("mine", |_, _, _| Decision::Keep)),
        ),
        case(
            "compaction_filter_factory",
            "my factory",
            Box::new(|options| options.set_compaction_filter_factory(MyFactory)),
        ),
        case(
            "compaction_style",
            "kCompactionStyleFIFO",
            set("compaction_style=kCompactionStyleFIFO"),
        ),
        case(
            "compaction_style",
            "kCompactionStyleNone",
            set("compaction_style=kCompactionStyleNone"),
        ),
        case("disallow_memtable_writes", "true", set("disallow_memtable_writes=true")),
        case(
            "enable_blob_direct_write",
            "true",
            set("enable_blob_files=true;enable_blob_direct_write=true"),
        ),
        case("inplace_update_support", "true", set("inplace_update_support=true")),
        case("table_factory", "PlainTable", set("table_factory=PlainTable")),
        case("table_factory", "CuckooTable", set("table_factory=CuckooTable")),
        case(
            "user_defined_index_factory",
            "trie_index",
            set("block_based_table_factory={user_defined_index_factory=trie_index}"),
        ),
    ]
}

/// Options that no user of the crate `rocksdb` can set. The tests write them to the OPTIONS file.
const ONLY_IN_THE_FILE: &[&str] = &["wal_filter"];

/// Returns the names of the options that this file tests.
pub(super) fn tested() -> Vec<&'static str> {
    let cases = database_cases().into_iter().chain(column_family_cases());
    cases
        .map(|case| case.option)
        .chain(ONLY_IN_THE_FILE.iter().copied())
        .collect()
}

struct MyFilter;

impl CompactionFilter for MyFilter {
    fn filter(&mut self, _: u32, _: &[u8], _: &[u8]) -> Decision {
        Decision::Keep
    }

    fn name(&self) -> &CStr {
        c"my filter"
    }
}

struct MyFactory;

impl CompactionFilterFactory for MyFactory {
    type Filter = MyFilter;

    fn create(&mut self, _: CompactionFilterContext) -> MyFilter {
        MyFilter
    }

    fn name(&self) -> &CStr {
        c"my factory"
    }
}

/// Checks that `error` names the option, its value and the column family.
fn assert_unsafe(error: &RocksdbLogStoreError, name: &str, expected: &str, cf: Option<&str>) {
    let RocksdbLogStoreError::UnsafeOption {
        option,
        value,
        column_family,
        ..
    } = error
    else {
        panic!("{name}: {error}");
    };
    assert_eq!(
        (*option, value.as_str(), column_family.as_deref()),
        (name, expected, cf)
    );
    let message = error.to_string();
    assert!(message.contains(&format!("{name}={expected}")), "{message}");
    assert!(cf.is_none_or(|cf| message.contains(cf)), "{message}");
}

/// Opens and destroys a group, and returns the error, which must be the same for both.
fn refused(db: &Arc<DB>) -> RocksdbLogStoreError {
    let error = open_error(db, Flat);
    let destroy = Store::destroy(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    assert_eq!(error.to_string(), destroy.to_string());
    error
}

#[test]
fn an_unsafe_option_of_a_column_family_is_refused_by_name() {
    for case in column_family_cases() {
        for unsafe_cf in [LOG_CF, META_CF] {
            let dir = TempDir::new().unwrap();
            let change = |cf: &str, options: &mut Options| {
                if cf == unsafe_cf {
                    (case.change)(options);
                }
            };
            // Some of these options do not work together with concurrent writes.
            let db = open_with(&dir, set("allow_concurrent_memtable_write=false"), change).unwrap();
            assert_unsafe(&refused(&db), case.option, case.value, Some(unsafe_cf));
        }
    }
}

#[test]
fn an_unsafe_option_of_a_database_is_refused_by_name() {
    for case in database_cases() {
        let dir = TempDir::new().unwrap();
        let db = open_with(&dir, &case.change, |_, _| {}).unwrap();
        assert_unsafe(&refused(&db), case.option, case.value, None);
    }
}

#[tokio::test]
async fn a_database_that_was_refused_opens_with_safe_options_and_lacks_nothing() {
    for case in database_cases() {
        // With this option, RocksDB itself has dropped what was not flushed.
        if case.option == "best_efforts_recovery" {
            continue;
        }
        let dir = TempDir::new().unwrap();
        let mut store = open(&open_dir(&dir), Flat);
        store.blocking_append(entries(1, 0..=4)).await.unwrap();
        drop(store);
        for _ in 0..2 {
            refused(&open_with(&dir, &case.change, |_, _| {}).unwrap());
        }
        let mut store = open(&open_dir(&dir), Flat);
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
    }
}

#[test]
fn an_option_that_only_a_cpp_program_can_set_is_refused() {
    for option in ONLY_IN_THE_FILE {
        let dir = TempDir::new().unwrap();
        let db = open_dir(&dir);
        let file = options_file(&dir);
        let text = fs::read_to_string(&file).unwrap();
        let safe = format!("  {option}=nullptr\n");
        assert!(text.contains(&safe));
        fs::write(&file, text.replace(&safe, &format!("  {option}=Mine\n"))).unwrap();
        assert_unsafe(&refused(&db), option, "Mine", None);
    }
}

/// RocksDB appends a time to each value, and drops old values by a compaction filter. In a database with a TTL, this is
/// so in each column family, also in one whose own TTL is disabled.
#[test]
fn a_database_with_a_ttl_is_refused() {
    for ttl in [ColumnFamilyTtl::SameAsDb, ColumnFamilyTtl::Disabled] {
        let dir = TempDir::new().unwrap();
        let column_families =
            [LOG_CF, META_CF].map(|cf| ColumnFamilyDescriptor::new_with_ttl(cf, Options::default(), ttl));
        let ttl = Duration::from_secs(3_600);
        let db = DB::open_cf_descriptors_with_ttl(&db_options(), dir.path(), column_families, ttl).unwrap();
        let error = refused(&db.into());
        let message = error.to_string();
        assert!(
            message.contains("compaction_filter_factory={id=TtlCompactionFilterFactory;"),
            "{message}"
        );
    }
}

#[test]
fn a_column_family_that_is_created_later_is_checked() {
    let dir = TempDir::new().unwrap();
    let mut db = open_dir(&dir);
    drop(open(&db, Flat));
    let mut fifo = Options::default();
    set("compaction_style=kCompactionStyleFIFO")(&mut fifo);
    // The escapes in an OPTIONS file are not part of the name.
    let later = "late\"r: #\\\n";
    let exclusive = Arc::get_mut(&mut db).unwrap();
    exclusive.create_cf("fine", &Options::default()).unwrap();
    exclusive.create_cf(later, &fifo).unwrap();

    let error = Store::open(db.clone(), later, META_CF, Flat).unwrap_err();
    assert!(
        matches!(&error, RocksdbLogStoreError::UnsafeOption { column_family: Some(name), .. } if name == later),
        "{error}"
    );
    drop(Store::open(db.clone(), "fine", META_CF, Flat).unwrap());

    let exclusive = Arc::get_mut(&mut db).unwrap();
    exclusive.drop_cf(later).unwrap();
    exclusive.create_cf(later, &Options::default()).unwrap();
    Store::open(db, later, META_CF, Flat).unwrap();
}

/// Groups are checked when they are opened. So nothing that is refused may become true later.
#[test]
fn no_option_that_is_refused_can_be_set_at_run_time() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    for case in column_family_cases() {
        let option = [(case.option, case.value)];
        let changed = db.set_options_cf(&db.cf_handle(LOG_CF).unwrap(), &option);
        assert!(changed.is_err(), "{option:?}");
    }
    for case in database_cases() {
        let option = [(case.option, case.value)];
        assert!(db.set_options(&option).is_err(), "{option:?}");
    }
    let log = db.cf_handle(LOG_CF).unwrap();
    assert!(db.set_options_cf(&log, &[("plain_table_factory", "{}")]).is_err());
    // The documentation says that these two are possible, and that they go unnoticed.
    for option in ["{user_defined_index_factory=trie_index}", "{checksum=kNoChecksum}"] {
        db.set_options_cf(&log, &[("block_based_table_factory", option)])
            .unwrap();
    }
}

/// A secondary instance reads the files of another process, and writes none.
#[tokio::test]
async fn a_group_is_not_opened_in_a_secondary_instance() {
    let (dir, secondary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    drop(store);
    let before = Image::of(&dir).0[ACCOUNT].clone();
    let db = DB::open_cf_as_secondary(&db_options(), dir.path(), secondary.path(), [LOG_CF, META_CF]).unwrap();
    let error = open_error(&db.into(), Flat);
    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
    assert_eq!(Image::of(&dir).0[ACCOUNT], before);
    let mut store = open(&open_dir(&dir), Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
}

#[test]
fn a_group_is_not_opened_in_a_database_that_refuses_every_write() {
    let dir = TempDir::new().unwrap();
    let both = set("two_write_queues=true;enable_pipelined_write=true");
    let error = open_error(&open_with(&dir, both, |_, _| {}).unwrap(), Flat);
    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
}
