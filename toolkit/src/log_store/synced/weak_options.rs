//! Options of a database that weaken the log store's promise. RocksDB's C interface does not report the options of an
//! open database, but RocksDB writes them to its OPTIONS file.

use std::fmt;
use std::path::Path;

use crate::log_store::wal::files::newest_options;

/// An option that weakens the log, with its value in the OPTIONS file.
#[derive(Debug)]
pub(super) struct WeakOption {
    kind: Kind,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    WalRecoveryMode,
    TrackAndVerifyWals,
    ParanoidChecks,
    RecycleLogFiles,
    WalCompression,
    AvoidFlushDuringRecovery,
    WalDir,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::WalRecoveryMode,
        Self::TrackAndVerifyWals,
        Self::ParanoidChecks,
        Self::RecycleLogFiles,
        Self::WalCompression,
        Self::AvoidFlushDuringRecovery,
        Self::WalDir,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::WalRecoveryMode => "wal_recovery_mode",
            Self::TrackAndVerifyWals => "track_and_verify_wals_in_manifest",
            Self::ParanoidChecks => "paranoid_checks",
            Self::RecycleLogFiles => "recycle_log_file_num",
            Self::WalCompression => "wal_compression",
            Self::AvoidFlushDuringRecovery => "avoid_flush_during_recovery",
            Self::WalDir => "wal_dir",
        }
    }

    /// Returns whether the option, with this value, weakens the log of the database in `dir`.
    fn is_weak(self, value: &str, dir: &Path) -> bool {
        match self {
            Self::WalRecoveryMode => !["kTolerateCorruptedTailRecords", "kAbsoluteConsistency"].contains(&value),
            Self::TrackAndVerifyWals | Self::ParanoidChecks => value != "true",
            Self::RecycleLogFiles => value != "0",
            Self::WalCompression => value != "kNoCompression",
            // If true, RocksDB keeps a WAL with a torn end, which looks like damage once there is a later WAL.
            Self::AvoidFlushDuringRecovery => value != "false",
            Self::WalDir => !value.is_empty() && Path::new(value.trim_end_matches('/')) != dir,
        }
    }
}

impl WeakOption {
    /// Returns the weak options with which the database in `dir` was last opened. Returns an empty `Vec` if the newest
    /// OPTIONS file cannot be read.
    pub(super) fn of_database(dir: &Path) -> Vec<Self> {
        let options = newest_options(dir).unwrap_or_default();
        options
            .lines()
            .filter_map(|line| {
                let (name, value) = line.trim().split_once('=')?;
                let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
                let value = value.to_owned();
                kind.is_weak(&value, dir).then_some(Self { kind, value })
            })
            .collect()
    }

    /// Returns whether, with this option, the length of the WAL file no longer shows how far the WAL is written:
    /// RocksDB overwrites a recycled file without extending it, and a compressed WAL grows by less than is written.
    pub(super) fn hides_wal(&self) -> bool {
        matches!(self.kind, Kind::RecycleLogFiles | Kind::WalCompression)
    }
}

impl fmt::Display for WeakOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.name(), self.value)
    }
}
