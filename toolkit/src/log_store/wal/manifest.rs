//! The records of the MANIFEST. Each record is an edit: a change of the set of files and column families.
//!
//! ```text
//! edit:  fields, in any order
//! field: tag: varint | value, whose form depends on the tag
//! ```
//!
//! RocksDB's tags and the forms of their values are in `db/version_edit.h` and `db/version_edit.cc`.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};

use super::fields::{Fields, put_varint};
use super::scan::{Record, Scan};

const MIN_LOG_NUMBER_TO_KEEP: u64 = 10;
const NEW_FILE_4: u64 = 103;
const COLUMN_FAMILY: u64 = 200;
const COLUMN_FAMILY_ADD: u64 = 201;
const COLUMN_FAMILY_DROP: u64 = 202;
const IN_ATOMIC_GROUP: u64 = 300;
/// The value of a tag with this bit is a byte string, so that older releases of RocksDB can skip the field.
const SAFE_TO_IGNORE: u64 = 1 << 13;
const WAL_DELETION_2: u64 = SAFE_TO_IGNORE + 8;

/// Tags of the fields that follow [`NEW_FILE_4`].
mod file_tag {
    pub(super) const TERMINATE: u64 = 1;
    pub(super) const MIN_LOG_NUMBER_TO_KEEP: u64 = 3;
}

/// What the log store needs to know of a MANIFEST.
#[derive(Debug, Default)]
pub(in crate::log_store) struct Manifest {
    known: Known,
    /// The atomic group whose last edit has not been read yet. RocksDB ignores a group whose last edit is missing.
    group: Option<Group>,
    /// The offset in the file at which the last edit ends.
    end: u64,
}

#[derive(Clone, Debug, Default)]
struct Known {
    min_wal: u64,
    /// The numbers of all column families except the default one.
    column_families: BTreeSet<u64>,
}

/// The edits of an atomic group.
#[derive(Debug)]
struct Group {
    /// The offset in the file at which the group starts.
    start: u64,
    /// What is known after these edits.
    known: Known,
}

/// An edit, as far as the log store needs to know it.
#[derive(Default)]
struct Edit {
    min_wal: Option<u64>,
    column_family: u64,
    is_added: bool,
    is_dropped: bool,
    /// The number of further edits in the atomic group of this edit, or `None` if it is in no group.
    group_left: Option<u64>,
}

impl Manifest {
    /// Reads a MANIFEST up to its first damage.
    pub(in crate::log_store) fn read(file: impl Read + Seek) -> io::Result<(Scan, Self)> {
        let mut manifest = Self::default();
        let scan = Scan::read(file, 0, |record| {
            if !record.is_after_damage {
                manifest.add(&record);
            }
        })?;
        Ok((scan, manifest))
    }

    /// Returns the number of the first WAL that RocksDB may still need. RocksDB never reads an earlier WAL, and deletes
    /// no WAL before the MANIFEST says with this number that the WAL is no longer needed.
    pub(in crate::log_store) fn min_wal(&self) -> u64 {
        self.known.min_wal
    }

    /// Returns the offset in the file at which an atomic group starts whose last edit is missing, if there is one.
    pub(in crate::log_store) fn incomplete_group(&self) -> Option<u64> {
        self.group.as_ref().map(|group| group.start)
    }

    /// Returns whether a column family with this number exists.
    pub(in crate::log_store) fn has_column_family(&self, number: u32) -> bool {
        number == 0 || self.known.column_families.contains(&number.into())
    }

    /// Adds the next record of the MANIFEST. Ignores what it cannot read of the record.
    fn add(&mut self, record: &Record<'_>) {
        let edit = Edit::read(record.bytes);
        let mut group = self.group.take().unwrap_or_else(|| Group {
            start: self.end,
            known: self.known.clone(),
        });
        let known = &mut group.known;
        known.min_wal = known.min_wal.max(edit.min_wal.unwrap_or(0));
        if edit.is_added {
            known.column_families.insert(edit.column_family);
        }
        if edit.is_dropped {
            known.column_families.remove(&edit.column_family);
        }
        match edit.group_left {
            Some(1..) => self.group = Some(group),
            _ => self.known = group.known,
        }
        self.end = record.end;
    }

    /// Returns a record that lets RocksDB forget what it knows of all WALs before `number`: neither their lengths nor
    /// their existence are checked any more.
    pub(in crate::log_store) fn forget_wals_before(number: u64) -> Vec<u8> {
        let (mut record, mut value) = (Vec::new(), Vec::new());
        put_varint(number, &mut value);
        put_varint(WAL_DELETION_2, &mut record);
        put_varint(value.len() as u64, &mut record);
        record.extend(value);
        record
    }
}

impl Edit {
    /// Reads the fields of an edit, up to the first one that cannot be read.
    fn read(record: &[u8]) -> Self {
        let mut edit = Self::default();
        let mut fields = Fields(record);
        while edit.field(&mut fields).is_some() {}
        edit
    }

    fn field(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        match fields.varint()? {
            MIN_LOG_NUMBER_TO_KEEP => self.min_wal = Some(fields.varint()?),
            COLUMN_FAMILY => self.column_family = fields.varint()?,
            COLUMN_FAMILY_ADD => {
                fields.string()?;
                self.is_added = true;
            }
            COLUMN_FAMILY_DROP => self.is_dropped = true,
            IN_ATOMIC_GROUP => self.group_left = Some(fields.varint()?),
            NEW_FILE_4 => {
                // Level, number, size.
                varints(fields, 3)?;
                // The smallest and the largest key.
                fields.string()?;
                fields.string()?;
                // The smallest and the largest sequence number.
                varints(fields, 2)?;
                loop {
                    match fields.varint()? {
                        file_tag::TERMINATE => break,
                        file_tag::MIN_LOG_NUMBER_TO_KEEP => {
                            let number = fields.string()?.try_into().ok()?;
                            self.min_wal = Some(u64::from_le_bytes(number));
                        }
                        _ => drop(fields.string()?),
                    }
                }
            }
            // Comparator.
            1 => drop(fields.string()?),
            // LogNumber, NextFileNumber, LastSequence, PrevLogNumber, MaxColumnFamily.
            2..=4 | 9 | 203 => varints(fields, 1)?,
            // CompactCursor: level, key.
            5 => {
                varints(fields, 1)?;
                fields.string()?;
            }
            // DeletedFile: level, number.
            6 => varints(fields, 2)?,
            // BlobFileAddition: number, count, bytes, the method of the checksum, the checksum.
            400 => {
                varints(fields, 3)?;
                fields.string()?;
                fields.string()?;
                custom_fields(fields)?;
            }
            // BlobFileGarbage: number, count, bytes.
            401 => {
                varints(fields, 3)?;
                custom_fields(fields)?;
            }
            tag if tag & SAFE_TO_IGNORE != 0 => drop(fields.string()?),
            _ => return None,
        }
        Some(())
    }
}

fn varints(fields: &mut Fields<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        fields.varint()?;
    }
    Some(())
}

/// Skips the fields of a blob file that follow the fixed ones.
fn custom_fields(fields: &mut Fields<'_>) -> Option<()> {
    const END: u64 = 0;
    while fields.varint()? != END {
        fields.string()?;
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use rocksdb::{DB, Options};

    use super::super::files::{current_manifest, newest_wal};
    use super::super::scan::Scan;
    use super::*;

    fn read(dir: &Path) -> Manifest {
        let mut manifest = Manifest::default();
        let (_, file) = current_manifest(dir).unwrap();
        Scan::read(file, 0, |record| {
            let (mut edit, mut fields) = (Edit::default(), Fields(record.bytes));
            while edit.field(&mut fields).is_some() {}
            // Every field of every edit can be read.
            assert!(fields.0.is_empty(), "{:?}", record.bytes);
            manifest.add(&record);
        })
        .unwrap();
        manifest
    }

    /// RocksDB keeps a WAL while any column family needs it, and deletes no WAL that the MANIFEST still names.
    #[test]
    fn the_first_wal_that_is_needed_follows_flushes_compactions_and_restarts() {
        for change in [
            |_: &mut Options| {},
            |options: &mut Options| options.set_atomic_flush(true),
            |options: &mut Options| options.set_enable_blob_files(true),
            |options: &mut Options| options.set_max_manifest_file_size(1),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let mut options = Options::default();
            options.create_if_missing(true);
            options.create_missing_column_families(true);
            change(&mut options);
            for _ in 0..3 {
                let db = DB::open_cf_with_opts(&options, dir.path(), ["one", "two"].map(|cf| (cf, options.clone())));
                let db = db.unwrap();
                for name in ["one", "two", "one", "two", "default"] {
                    let cf = db.cf_handle(name).unwrap();
                    let (live, _) = newest_wal(dir.path()).unwrap();
                    db.put_cf(&cf, b"key", [7; 100]).unwrap();
                    db.delete_range_cf(&cf, b"a", b"b").unwrap();
                    assert!(read(dir.path()).min_wal() <= live, "the newest WAL is needed");
                    db.flush_cf(&cf).unwrap();
                    db.compact_range_cf(&cf, None::<&[u8]>, None::<&[u8]>);
                }
                db.flush().unwrap();
                for name in ["one", "two"] {
                    db.flush_cf(&db.cf_handle(name).unwrap()).unwrap();
                }
                let (live, _) = newest_wal(dir.path()).unwrap();
                let manifest = read(dir.path());
                // Nothing is left that only a WAL has. With some options, a flush that finds nothing to do leaves the
                // number as it is.
                assert!(manifest.min_wal() > 0 && manifest.min_wal() <= live);
            }
        }
    }

    #[test]
    fn column_families_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        let open = |names: &[&str]| DB::open_cf(&options, dir.path(), names).unwrap();
        #[allow(unused_mut)]
        let mut db = open(&["default"]);
        db.create_cf("one", &options).unwrap();
        db.create_cf("two", &options).unwrap();
        db.drop_cf("one").unwrap();
        let numbers = || {
            (0..5)
                .filter(|n| read(dir.path()).has_column_family(*n))
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(), [0, 2]);
        drop(db);
        // Opening the database writes a new MANIFEST.
        #[allow(unused_mut)]
        let mut db = open(&["default", "two"]);
        assert_eq!(numbers(), [0, 2]);
        // A new column family gets a number of its own, even with the name of one that was dropped.
        db.create_cf("one", &options).unwrap();
        assert_eq!(numbers(), [0, 2, 3]);
    }

    /// With atomic flush, RocksDB writes one edit for each column family, which take effect together.
    #[test]
    fn a_group_of_edits_without_its_last_one_changes_nothing() {
        let mut manifest = Manifest::default();
        let mut add = |min_wal: u64, left: u64, end: u64| {
            let mut bytes = Vec::new();
            for field in [MIN_LOG_NUMBER_TO_KEEP, min_wal, IN_ATOMIC_GROUP, left] {
                put_varint(field, &mut bytes);
            }
            manifest.add(&Record {
                bytes: &bytes,
                end,
                is_after_damage: false,
            });
            (manifest.min_wal(), manifest.incomplete_group())
        };
        assert_eq!(add(3, 0, 10), (3, None));
        assert_eq!(add(7, 2, 20), (3, Some(10)));
        assert_eq!(add(7, 1, 30), (3, Some(10)));
        assert_eq!(add(7, 0, 40), (7, None));
    }
}
