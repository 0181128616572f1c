//! Golden files, which hold the bytes of messages as they were released.
//!
//! Data outlives the code that wrote it. A golden file holds the frame of one sample value at one version. The
//! [check](Frames::check) fails if the frame no longer decodes to that value, or if the value no longer encodes to that
//! frame. Existing files never change: the files of a new version are added beside those of the old versions. Delete a
//! file only when the type no longer reads its version.
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
//! `put.v1.hex` is the sample `put` at version 1. The directory has one file for each sample and each version that can
//! hold the sample. So there is no `put-leased.v1.hex` in this example. Files are text. Commit them with the code:
//!
//! ```text
//! # Put { key: "k", lease: None } at version 1
//! 01 00 01 6b
//! ```
//!
//! `GOLDEN=add cargo test` adds the missing files and leaves the existing files as they are. Without `GOLDEN=add`, a
//! missing file fails the test. So a test cannot pass because its files were not copied.
//!
//! # When the type gets a new version
//!
//! 1. Set the new field to its default in the existing samples. Their older files then stay valid.
//! 2. Add a sample for each value that only the new version can hold, such as `put-leased` above.
//! 3. Run the test with `GOLDEN=add`, which adds the files of the new version.
//!
//! # Which values are equal
//!
//! A file must decode to a value that is equal to its sample by `PartialEq`, and the sample must encode to the bytes in
//! the file. There are three exceptions:
//!
//! - A version drops a `lossy` field that the sample sets, so the file decodes to another value. Add such a sample with
//!   [`lossy_sample`](Frames::lossy_sample), which takes a function that returns what the file decodes to.
//! - The type still [reads](crate::WireMessage::MIN_VERSION) a version but no longer writes it, for example with
//!   `previous = Old` and without `downgrade`. The files of that version come from an earlier release. They must still
//!   decode to their samples, but the samples no longer encode to them.
//! - The value can only come from decoding a frame of an earlier release, because this release writes the value
//!   differently or not at all. Add such a value with [`read_only`](Frames::read_only), which does not encode it.
//!
//! Nested messages in serde form are written in a [scope](crate::codec::WriteVersion::scope) of the file's version, so
//! that a new version of a nested message does not change the file.
//!
//! A value whose bytes differ from run to run cannot have a golden file. An example is a `HashMap` with several
//! entries.

// The files of this folder, from the public entry point down. Each imports only files below it.
//
// - `frames`: `Frames`, which a test fills with samples.
// - `check`: compares the samples with the files, and collects the failures.
// - `files`: the text of a file, and adding a file.

mod check;
mod files;
mod frames;

pub use frames::Frames;
