//! RocksDB's own formats: batches, the WAL, the MANIFEST, and the names of files.
//!
//! This folder imports nothing from the rest of the log store. [`synced`](super::synced) decides what counts as durable,
//! and what to do about damage.
//!
//! - [`batch`]: a batch of operations, as RocksDB writes it to its WAL.
//! - [`mark`]: the mark at the start of a batch, and [`Position`](mark::Position).
//! - [`scan`]: reads a WAL or a MANIFEST, and finds how far the file is intact.
//! - [`files`]: finds WAL, MANIFEST and OPTIONS files in the directory of a database.
//!
//! The writer fills a [`Batch`](batch::Batch), which has room for a [`Mark`](mark::Mark) at its start. A
//! [`Scan`](scan::Scan) reads the marks back from the WAL.

pub(super) mod batch;
pub(super) mod files;
pub(super) mod mark;
pub(super) mod scan;
