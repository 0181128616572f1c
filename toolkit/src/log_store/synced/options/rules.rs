//! Which values of RocksDB's options are unsafe for a raft log.
//!
//! A value is refused if RocksDB loses, rewrites or hides records of the log with it, or refuses writes of the log
//! store. The log store warns about a value with which RocksDB, or the log store, may fail to notice damage.

use std::path::Path;

use super::file::unescape;
use crate::log_store::error::RocksdbLogStoreError;

/// A rule about one option.
pub(super) struct Rule {
    pub(super) option: &'static str,
    pub(super) verdict: Verdict,
    safe: Safe,
}

/// What happens if an option has an unsafe value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refuse,
    Warn,
}

/// The safe values of an option.
enum Safe {
    /// These values. The first one is the value to set.
    Values(&'static [&'static str]),
    /// No value, or the directory of the database.
    OwnDirectory,
}

/// An option with an unsafe value.
pub(super) struct Unsafe {
    pub(super) rule: &'static Rule,
    /// The value in the OPTIONS file.
    pub(super) value: String,
}

impl Unsafe {
    /// Returns the error that refuses the option, which is one of `column_family`, or of the database.
    pub(super) fn refusal(&self, column_family: Option<&str>) -> RocksdbLogStoreError {
        RocksdbLogStoreError::UnsafeOption {
            option: self.rule.option,
            value: self.value.clone(),
            safe: self.rule.safe_value(),
            column_family: column_family.map(str::to_owned),
        }
    }
}

/// The rules about the options of a database.
pub(super) const DATABASE: &[Rule] = &[
    warn(
        "wal_recovery_mode",
        &["kTolerateCorruptedTailRecords", "kAbsoluteConsistency"],
    ),
    warn("track_and_verify_wals_in_manifest", &["true"]),
    warn("paranoid_checks", &["true"]),
    warn("recycle_log_file_num", &["0"]),
    warn("wal_compression", &["kNoCompression"]),
    Rule {
        option: "wal_dir",
        verdict: Verdict::Warn,
        safe: Safe::OwnDirectory,
    },
    refuse("allow_2pc", &["false"]),
    refuse("avoid_flush_during_recovery", &["false"]),
    refuse("best_efforts_recovery", &["false"]),
    refuse("wal_filter", &["nullptr"]),
];

/// The rules about the options of a column family.
pub(super) const COLUMN_FAMILY: &[Rule] = &[
    refuse("comparator", &["leveldb.BytewiseComparator"]),
    refuse("compaction_filter", &["nullptr"]),
    refuse("compaction_filter_factory", &["nullptr"]),
    refuse(
        "compaction_style",
        &["kCompactionStyleLevel", "kCompactionStyleUniversal"],
    ),
    refuse("inplace_update_support", &["false"]),
    refuse("disallow_memtable_writes", &["false"]),
    refuse("enable_blob_direct_write", &["false"]),
    refuse("table_factory", &["BlockBasedTable"]),
    refuse("user_defined_index_factory", &["nullptr"]),
    warn("checksum", &["kXXH3", "kxxHash64", "kxxHash", "kCRC32c"]),
];

const fn refuse(option: &'static str, safe: &'static [&'static str]) -> Rule {
    Rule {
        option,
        verdict: Verdict::Refuse,
        safe: Safe::Values(safe),
    }
}

const fn warn(option: &'static str, safe: &'static [&'static str]) -> Rule {
    Rule {
        option,
        verdict: Verdict::Warn,
        safe: Safe::Values(safe),
    }
}

impl Rule {
    /// Returns the value to set instead of an unsafe one.
    fn safe_value(&self) -> &'static str {
        match self.safe {
            Safe::Values(values) => values.first().copied().unwrap_or_default(),
            Safe::OwnDirectory => "the directory of the database",
        }
    }

    fn is_safe(&self, value: &str, dir: &Path) -> bool {
        match self.safe {
            Safe::Values(values) => values.contains(&value),
            Safe::OwnDirectory => value.is_empty() || Path::new(value.trim_end_matches('/')) == dir,
        }
    }
}

/// Returns the rule among `rules` that the option breaks, in the database in `dir`, or `None` if the option is safe.
pub(super) fn broken_rule(rules: &'static [Rule], name: &str, value: &str, dir: &Path) -> Option<Unsafe> {
    let rule = rules.iter().find(|rule| rule.option == name)?;
    let value = unescape(value);
    (!rule.is_safe(&value, dir)).then_some(Unsafe { rule, value })
}
