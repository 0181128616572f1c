//! The options of the column families of a group, and the options of a database that only a write shows.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;

use rocksdb::{DB, ErrorKind};

use super::file::{Section, each_option};
use super::rules::{self, Unsafe, Verdict};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::batch::{Batch, CfPrefixes};
use crate::log_store::wal::files::newest_options;
use crate::support::lock::lock;

/// Checks the column families of a database, each of them once.
#[derive(Default)]
pub(in crate::log_store) struct ColumnsCheck {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The column families that were checked. RocksDB never uses the number of a column family again, so that a column
    /// family that is dropped and created again is checked again.
    checked: HashSet<CfPrefixes>,
    /// The OPTIONS file that was read last. One file has the options of all column families.
    file: OptionsFile,
    /// Whether RocksDB has accepted a `DeleteRange`.
    deletes_ranges: bool,
}

/// A column family as the check needs it: its name, and what stands for its number in a batch.
pub(in crate::log_store) type Column<'c> = (&'c str, CfPrefixes);

impl ColumnsCheck {
    /// Checks the options of the log and the meta column family of a group. Does nothing in a read-only database, whose
    /// OPTIONS file describes another opening.
    ///
    /// If the OPTIONS file cannot be read, or does not contain a column family, this logs a warning.
    ///
    /// # Errors
    ///
    /// - [`UnsafeOption`](RocksdbLogStoreError::UnsafeOption) if a column family or the database was opened with an
    ///   option that the log store refuses.
    /// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot write.
    pub(in crate::log_store) fn run(
        &self,
        db: &DB,
        log: Column<'_>,
        meta: Column<'_>,
    ) -> Result<(), RocksdbLogStoreError> {
        let mut state = lock(&self.state);
        let mut unchecked = vec![log, meta];
        unchecked.retain(|(_, cf)| !state.checked.contains(cf));
        if unchecked.is_empty() || is_read_only(db) {
            return Ok(());
        }
        match state.file.refresh(db.path()) {
            Ok(()) => {
                for (name, _) in &unchecked {
                    state.file.check(name)?;
                }
            }
            Err(error) => tracing::warn!(
                path = %db.path().display(), %error,
                "cannot read with which options the column families were opened: unsafe options go unnoticed"
            ),
        }
        // Check the options first: if tables do not support range deletions, RocksDB finds that out only after it has
        // written the deletion to the WAL, and then cannot recover the WAL.
        if !state.deletes_ranges {
            check_range_deletion(db, log.1)?;
            state.deletes_ranges = true;
        }
        state.checked.extend(unchecked.iter().map(|(_, cf)| *cf));
        Ok(())
    }
}

/// The unsafe options in an OPTIONS file.
#[derive(Default)]
struct OptionsFile {
    /// The number of the file, or `None` if no file was read.
    number: Option<u64>,
    /// The unsafe options of each column family, by name. A column family without such options has an empty `Vec`.
    column_families: HashMap<String, Vec<Unsafe>>,
}

impl OptionsFile {
    /// Reads the newest OPTIONS file in `dir`, if that is not the file that was read last.
    fn refresh(&mut self, dir: &Path) -> io::Result<()> {
        let (number, mut file) = newest_options(dir)?;
        if self.number == Some(number) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        self.number = Some(number);
        self.column_families.clear();
        // A log store's column families are named in UTF-8.
        each_option(&String::from_utf8_lossy(&bytes), |section, name, value| {
            if let Section::ColumnFamily(column_family) = section {
                let broken = rules::broken_rule(rules::COLUMN_FAMILY, name, value, dir);
                match self.column_families.get_mut(column_family) {
                    Some(unsafe_options) => unsafe_options.extend(broken),
                    None => drop(
                        self.column_families
                            .insert(column_family.clone(), broken.into_iter().collect()),
                    ),
                }
            }
        });
        Ok(())
    }

    fn check(&self, column_family: &str) -> Result<(), RocksdbLogStoreError> {
        let Some(unsafe_options) = self.column_families.get(column_family) else {
            tracing::warn!(column_family, "the OPTIONS file does not contain the column family");
            return Ok(());
        };
        for found in unsafe_options {
            match found.rule.verdict {
                Verdict::Warn => tracing::warn!(
                    column_family, option = %format_args!("{}={}", found.rule.option, found.value),
                    "the column family has an option that weakens the log: use log_store::log_cf_options() and \
                     log_store::meta_cf_options()"
                ),
                Verdict::Refuse => return Err(found.refusal(Some(column_family))),
            }
        }
        Ok(())
    }
}

/// Returns whether the database was opened for reading alone. RocksDB does not tell, but then refuses `flush_wal`.
pub(in crate::log_store::synced) fn is_read_only(db: &DB) -> bool {
    db.flush_wal(false).is_err()
}

/// Checks that RocksDB accepts a range deletion: it refuses one if the database has a row cache, which is not in the
/// OPTIONS file. Without this check, the first truncation or purge would fail, and with it every later write.
///
/// The range is empty, so that RocksDB applies nothing. The write is not synced, because it may be lost.
fn check_range_deletion(db: &DB, log: CfPrefixes) -> Result<(), RocksdbLogStoreError> {
    let mut batch = Batch::default();
    batch.delete_range(log, &[], &[]);
    match db.write(batch.seal(None)) {
        Err(e) if e.kind() == ErrorKind::NotSupported && e.as_ref().contains("row cache") => {
            Err(RocksdbLogStoreError::UnsafeOption {
                option: "row_cache",
                value: "a cache".to_owned(),
                safe: "nullptr",
                column_family: None,
            })
        }
        outcome => Ok(outcome?),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use rocksdb::{DBCompactionStyle, Options};

    use super::*;

    fn check(check: &ColumnsCheck, db: &DB, [log, meta]: [&str; 2]) -> Result<(), RocksdbLogStoreError> {
        let prefixes = |name: &str| CfPrefixes::new(&db.cf_handle(name).unwrap());
        check.run(db, (log, prefixes(log)), (meta, prefixes(meta)))
    }

    #[test]
    fn a_column_family_that_is_created_again_is_checked_again() {
        let dir = tempfile::tempdir().unwrap();
        let db = &mut DB::open_default(dir.path()).unwrap();
        db.create_cf("meta", &Options::default()).unwrap();
        let columns = ColumnsCheck::default();
        let mut fifo = Options::default();
        fifo.set_compaction_style(DBCompactionStyle::Fifo);
        for _ in 0..2 {
            db.create_cf("log", &Options::default()).unwrap();
            check(&columns, db, ["log", "meta"]).unwrap();
            db.drop_cf("log").unwrap();
            db.create_cf("log", &fifo).unwrap();
            check(&columns, db, ["log", "meta"]).unwrap_err();
            db.drop_cf("log").unwrap();
        }
    }

    #[test]
    fn the_options_are_read_once_however_many_groups_share_the_column_families() {
        let dir = tempfile::tempdir().unwrap();
        let db = &mut DB::open_default(dir.path()).unwrap();
        for name in ["a", "b", "c"] {
            db.create_cf(name, &Options::default()).unwrap();
        }
        let columns = ColumnsCheck::default();
        check(&columns, db, ["a", "b"]).unwrap();
        // The file has the options of the third column family too. If it was read again, the check would refuse.
        let (number, _) = newest_options(dir.path()).unwrap();
        let path = dir.path().join(format!("OPTIONS-{number:06}"));
        let text = fs::read_to_string(&path).unwrap();
        let unsafe_text = text.replace("kCompactionStyleLevel", "kCompactionStyleFIFO");
        fs::write(&path, unsafe_text).unwrap();
        for pair in [["a", "b"], ["b", "a"], ["a", "c"]] {
            check(&columns, db, pair).unwrap();
        }
        check(&ColumnsCheck::default(), db, ["a", "b"]).unwrap_err();
    }
}
