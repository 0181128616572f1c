//! RocksDB's own bytes: batches, and the files in which RocksDB keeps its log and its file list.
//!
//! This folder knows formats and file names, and imports nothing from the rest of the log store. What is
//! durable, and what to do about damage, is decided in [`synced`](super::synced).
//!
//! - [`batch`]: a batch in the form in which RocksDB writes it to its WAL.
//! - [`mark`]: what a batch says about the batches before it, and [`Position`](mark::Position).
//! - [`scan`]: reads a WAL or a MANIFEST, and finds how far it is intact.
//! - [`files`]: finds WAL, MANIFEST and OPTIONS files in the directory of a database.
//!
//! Bytes flow both ways: the writer fills a [`Batch`](batch::Batch), which starts with a [`Mark`](mark::Mark);
//! a [`Scan`](scan::Scan) reads the marks back from the file.

pub(super) mod batch;
pub(super) mod files;
pub(super) mod mark;
pub(super) mod scan;
