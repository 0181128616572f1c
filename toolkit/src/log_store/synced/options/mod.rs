//! The options with which RocksDB opened a database and its column families. RocksDB's C interface does not report the
//! options of an open database, but RocksDB writes them to an OPTIONS file. RocksDB does so before it finishes opening
//! a database, creating a column family or changing an option, and it returns an error if it cannot write the file.
//!
//! - [`file`](mod@file): reads an OPTIONS file.
//! - [`rules`]: which values are unsafe, and whether the log store refuses them or warns about them.
//! - [`database`]: applies the rules to a database, when its first log store is opened.
//! - [`columns`]: applies the rules to the column families of a group, when a group in them is opened for the first
//!   time.
//!
//! The documentation lists every option of RocksDB: see [`options`](mod@crate::log_store::options).

pub(in crate::log_store) mod columns;
pub(super) mod database;
mod file;
mod rules;
