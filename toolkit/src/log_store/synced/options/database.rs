//! The options of a database.

use std::fmt;
use std::io::Read;
use std::path::Path;

use super::file::{Section, each_option};
use super::rules::{self, Verdict};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::files::newest_options;

/// An option that weakens the log, with its value in the OPTIONS file.
#[derive(Debug)]
pub(in crate::log_store::synced) struct WeakOption {
    option: &'static str,
    value: String,
}

impl WeakOption {
    /// Returns the weak options with which the database in `dir` was opened. If the newest OPTIONS file cannot be read,
    /// this logs a warning and returns an empty `Vec`.
    ///
    /// # Errors
    ///
    /// [`UnsafeOption`](RocksdbLogStoreError::UnsafeOption) if the database was opened with an option that the log
    /// store refuses.
    pub(in crate::log_store::synced) fn of_database(dir: &Path) -> Result<Vec<Self>, RocksdbLogStoreError> {
        let mut bytes = Vec::new();
        if let Err(error) = newest_options(dir).and_then(|(_, mut file)| file.read_to_end(&mut bytes)) {
            tracing::warn!(
                path = %dir.display(), %error,
                "cannot read with which options the database was opened: options that weaken the log go unnoticed"
            );
        }
        // Only names that are not checked here can be other than UTF-8.
        let text = String::from_utf8_lossy(&bytes);
        let mut unsafe_options = Vec::new();
        each_option(&text, |section, name, value| {
            if *section == Section::Database {
                unsafe_options.extend(rules::broken_rule(rules::DATABASE, name, value, dir));
            }
        });
        unsafe_options
            .into_iter()
            .map(|found| match found.rule.verdict {
                Verdict::Warn => Ok(Self {
                    option: found.rule.option,
                    value: found.value,
                }),
                Verdict::Refuse => Err(found.refusal(None)),
            })
            .collect()
    }

    /// Returns whether, with this option, the length of the WAL file no longer shows how far the WAL is written:
    /// RocksDB overwrites a recycled file without extending it, and a compressed WAL grows by less than is written.
    pub(in crate::log_store::synced) fn hides_wal(&self) -> bool {
        ["recycle_log_file_num", "wal_compression"].contains(&self.option)
    }
}

impl fmt::Display for WeakOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.option, self.value)
    }
}
