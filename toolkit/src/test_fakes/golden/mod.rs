//! Golden files, which freeze messages byte by byte as they were released.
//!
//! Data outlives the code that wrote it. A golden file holds the frame of one sample value at one version. The
//! [check](Frames::check) fails if the frame is no longer read as that value, or if the value is no longer written
//! as that frame. Files are only ever added: the files of a new version stand beside those of the old ones.
//!
//! ```no_run
//! use openraft_toolkit::WireMessage;
//! use openraft_toolkit::test_fakes::golden;
//!
//! #[derive(Debug, PartialEq, WireMessage)]
//! #[wire(version = 2, min_version = 1)]
//! enum Command {
//!     Put {
//!         key: String,
//!         #[wire(since = 2)]
//!         lease: Option<u64>,
//!     },
//!     Delete(String),
//! }
//!
//! // The body of a `#[test]`.
//! golden::Frames::<Command>::in_dir("tests/golden/command")
//!     .sample("put", Command::Put { key: "k".to_owned(), lease: None })
//!     .sample("put-leased", Command::Put { key: "k".to_owned(), lease: Some(7) })
//!     .sample("delete", Command::Delete("k".to_owned()))
//!     .check();
//! ```
//!
//! # The files
//!
//! `put.v1.hex` is the sample `put` at version 1. The directory has one file for each sample and each version that
//! can hold the sample. So there is no `put-leased.v1.hex` in this example. Files are text, and are committed with
//! the code:
//!
//! ```text
//! # Put { key: "k", lease: None } at version 1
//! 01 00 01 6b
//! ```
//!
//! `GOLDEN=add cargo test` writes the missing files and leaves the others as they are. Without `GOLDEN=add`, a missing
//! file is a failure. So a test never passes because its files were not copied.
//!
//! # When the type gets a new version
//!
//! 1. Set the new field to its default in the existing samples. Their older files then stay valid.
//! 2. Add a sample for each value that only the new version can hold, such as `put-leased` above.
//! 3. Run the test with `GOLDEN=add`, which adds the files of the new version.
//!
//! # Which values are equal
//!
//! A frame must decode to a value that is equal to its sample by `PartialEq`. There are three other cases:
//!
//! - A version drops a `lossy` field that the sample sets. [`lossy_sample`](Frames::lossy_sample) says what is read
//!   instead.
//! - The type [reads](crate::WireMessage::MIN_VERSION) a version and no longer writes it, as with `previous = Old` without
//!   `downgrade`. The files of that version come from an earlier release, and must still decode to their samples.
//! - Only frames of earlier releases become the value, because the type's conversions go one way. Name such a value
//!   with [`read_only`](Frames::read_only).
//!
//! Messages inside the message, in their serde form, are written in a [scope](crate::codec::WriteVersion::scope) of
//! the file's version, so that a new version of theirs does not change the file.
//!
//! A value whose bytes differ from run to run cannot be frozen, such as a `HashMap` with several entries.

// The files of this folder, from the entrance down. Each imports only files below it.
//
// - `frames`: `Frames`, which a test fills with samples.
// - `check`: compares the samples with the files, and collects the failures.
// - `files`: the text of a file, and how a file is added.

mod check;
mod files;
mod frames;

pub use frames::Frames;
