//! RocksDB's options, as `toolkit/docs/options.md` lists them.
//!
//! | file | what it proves |
//! |---|---|
//! | `refused` | an option that breaks the log is refused when a group is opened |
//! | `weak` | an option that weakens the log is warned about |
//! | `safe` | with each of the other options that concern writing or reading, the log survives kills and torn WALs |
//! | `listed` | the documentation lists every option that RocksDB writes to an OPTIONS file, and each as it is tested |

mod listed;
mod refused;
mod safe;
mod weak;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft_toolkit::log_store::{LOG_CF, META_CF, db_options, log_cf_options, meta_cf_options};
use rocksdb::{ColumnFamilyDescriptor, DB, Error, Options};
use tempfile::TempDir;

/// A change of options, as a user would make it.
type Change = Box<dyn Fn(&mut Options) + Send + Sync>;

/// Returns a change that sets `options`, in the form `name=value;name=value`.
fn set(options: &'static str) -> Change {
    Box::new(move |base| *base = base.get_options_from_string(options).unwrap())
}

/// Returns the options of the log store's column families, changed by `change`, which gets the name of each.
fn column_families(change: impl Fn(&str, &mut Options)) -> Vec<ColumnFamilyDescriptor> {
    let column_families = [(LOG_CF, log_cf_options()), (META_CF, meta_cf_options())];
    let changed = column_families.map(|(name, mut options)| {
        change(name, &mut options);
        ColumnFamilyDescriptor::new(name, options)
    });
    changed.into()
}

/// Opens the database in `dir` with changed options: `database` changes those of the database, and `column_family`
/// changes those of each column family.
fn open_with(
    dir: impl AsRef<Path>,
    database: impl Fn(&mut Options),
    column_family: impl Fn(&str, &mut Options),
) -> Result<Arc<DB>, Error> {
    let mut options = db_options();
    database(&mut options);
    DB::open_cf_descriptors(&options, dir, column_families(column_family)).map(Arc::new)
}

/// Returns the newest OPTIONS file of the database in `dir`.
fn options_file(dir: &TempDir) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let is_options = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-");
    files.filter(is_options).max().unwrap()
}
