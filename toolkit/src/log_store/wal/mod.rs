//! RocksDB's own formats: batches, the WAL, the MANIFEST, and the names of files.
//!
//! This folder imports nothing from the rest of the log store. [`synced`](super::synced) decides what counts as
//! durable, and what to do about damage.
//!
//! - [`batch`]: a batch of operations, as RocksDB writes it to its WAL.
//! - [`mark`]: the mark at the start of a batch, and [`Position`](mark::Position).
//! - [`operations`]: reads the operations of a batch.
//! - [`manifest`]: the MANIFEST's records: which WALs are still needed, which column families exist.
//! - [`scan`]: reads the records of a WAL or a MANIFEST, and finds how far the file is intact.
//! - [`fields`]: varints and byte strings, of which all records consist.
//! - [`files`]: finds WAL, MANIFEST and OPTIONS files in the directory of a database.
//!
//! The writer fills a [`Batch`](batch::Batch), which has room for a [`Mark`](mark::Mark) at its start. A
//! [`Scan`](scan::Scan) yields the records again, from which [`Marks`](mark::Marks) and
//! [`Manifest`](manifest::Manifest) are read.

pub(super) mod batch;
mod fields;
pub(super) mod files;
pub(super) mod manifest;
pub(super) mod mark;
mod operations;
pub(super) mod scan;
