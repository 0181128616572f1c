//! Options that weaken the log are warned about.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit_tests::log::{open, open_dir};
use rocksdb::{BlockBasedOptions, ChecksumType, DB, DBRecoveryMode, Env, Options};
use tempfile::TempDir;

use super::{Change, open_with, options_file, set};

/// Records what is logged through `tracing`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut |field: &tracing::field::Field, value: &dyn Debug| {
            log.push_str(&format!("{field}={value:?} "));
        });
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// Opens a store in `db`, and returns what was logged.
fn warnings(db: &Arc<DB>) -> String {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || open(db, GroupPrefixed::new(0)));
    let log = log.0.lock().unwrap();
    log.clone()
}

/// Options of a database, and what the warning says about each.
fn database_cases(elsewhere: &Path) -> Vec<(&'static str, Change)> {
    let elsewhere = elsewhere.to_path_buf();
    let mode = |mode| -> Change { Box::new(move |options| options.set_wal_recovery_mode(mode)) };
    vec![
        (
            "wal_recovery_mode=kPointInTimeRecovery",
            mode(DBRecoveryMode::PointInTime),
        ),
        (
            "wal_recovery_mode=kSkipAnyCorruptedRecords",
            mode(DBRecoveryMode::SkipAnyCorruptedRecord),
        ),
        ("paranoid_checks=false", set("paranoid_checks=false")),
        (
            "track_and_verify_wals_in_manifest=false",
            set("track_and_verify_wals_in_manifest=false"),
        ),
        (
            "recycle_log_file_num=2",
            set("wal_recovery_mode=kPointInTimeRecovery;recycle_log_file_num=2"),
        ),
        ("wal_dir=", Box::new(move |options| options.set_wal_dir(&elsewhere))),
    ]
}

/// Options of a column family, and what the warning says about each.
fn column_family_cases() -> Vec<(&'static str, Change)> {
    vec![(
        "checksum=kNoChecksum",
        Box::new(|options| {
            let mut tables = BlockBasedOptions::default();
            tables.set_checksum_type(ChecksumType::NoChecksum);
            options.set_block_based_table_factory(&tables);
        }),
    )]
}

/// Without a compression library, which the tests do not have, RocksDB turns this option off.
const ONLY_IN_THE_FILE: &str = "wal_compression";

/// Returns the names of the options that this file tests.
pub(super) fn tested() -> Vec<&'static str> {
    let cases = database_cases(Path::new("")).into_iter().chain(column_family_cases());
    cases
        .filter_map(|(option, _)| option.split('=').next())
        .chain([ONLY_IN_THE_FILE])
        .collect()
}

#[test]
fn a_weak_option_of_a_database_is_warned_about() {
    let elsewhere = TempDir::new().unwrap();
    for (option, change) in database_cases(elsewhere.path()) {
        let dir = TempDir::new().unwrap();
        let warnings = warnings(&open_with(&dir, change, |_, _| {}).unwrap());
        assert!(
            warnings.contains("use log_store::db_options()") && warnings.contains(option),
            "{option}: {warnings}"
        );
    }
}

#[test]
fn a_weak_option_of_a_column_family_is_warned_about_once() {
    for (option, change) in column_family_cases() {
        let dir = TempDir::new().unwrap();
        let db = open_with(&dir, |_| {}, |_, options| change(options)).unwrap();
        let other = open(&db, GroupPrefixed::new(1));
        assert_eq!(warnings(&db), "", "{option} was warned about already");
        drop(other);
        let warnings = warnings(&db);
        assert!(
            warnings.contains("use log_store::log_cf_options()") && warnings.contains(option),
            "{option}: {warnings}"
        );
    }
}

#[test]
fn a_compressed_wal_is_warned_about() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let file = options_file(&dir);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("wal_compression=kNoCompression", "wal_compression=kZSTD"),
    )
    .unwrap();
    let warnings = warnings(&db);
    assert!(warnings.contains("wal_compression=kZSTD"), "{warnings}");
}

#[test]
fn safe_options_are_not_warned_about() {
    let safe: [Change; 2] = [
        Box::new(|_| {}),
        Box::new(|options| options.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency)),
    ];
    for change in safe {
        let dir = TempDir::new().unwrap();
        assert_eq!(warnings(&open_with(&dir, change, |_, _| {}).unwrap()), "");
    }
    // RocksDB writes the directory of the WALs to the file if the tables have a directory of their own.
    let dir = TempDir::with_prefix("a#b:c").unwrap();
    let own_directory = |options: &mut Options| {
        let tables = rocksdb::DBPath::new(dir.path().join("tables"), 1 << 30).unwrap();
        options.set_db_paths(&[tables]);
    };
    let db = open_with(&dir, own_directory, |_, _| {}).unwrap();
    assert!(fs::read_to_string(options_file(&dir)).unwrap().contains("wal_dir="));
    assert_eq!(warnings(&db), "");
}

/// RocksDB does not open a database whose OPTIONS file it cannot write, so that somebody else must have removed it.
#[test]
fn a_missing_options_file_is_warned_about() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    fs::remove_file(options_file(&dir)).unwrap();
    let warnings = warnings(&db);
    assert!(
        warnings.contains("cannot read with which options the database was opened")
            && warnings.contains("cannot read with which options the column families were opened"),
        "{warnings}"
    );
}

#[test]
fn a_database_in_memory_is_warned_about() {
    let dir = TempDir::new().unwrap();
    let env = Env::mem_env().unwrap();
    let db = open_with(dir.path().join("db"), |options| options.set_env(&env), |_, _| {}).unwrap();
    let warnings = warnings(&db);
    assert!(
        warnings.contains("damage to the end of the log will go unnoticed"),
        "{warnings}"
    );
}
