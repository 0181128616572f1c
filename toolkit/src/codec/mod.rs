//! Versioned frames: one version byte, then the value.
//!
//! An RPC or a record on disk may be read by a newer or an older release than the release that wrote it. The version
//! byte of a frame names the layout of the body. So if every change of a layout gets a new version, each release either
//! reads a frame correctly or refuses it.
//!
//! ```text
//! +-------------+------------------------------------------------------+
//! | version: u8 | body: bincode 2, `config::standard()`, through serde |
//! +-------------+------------------------------------------------------+
//! ```
//!
//! - Numbers are little endian. Integers of more than 8 bits have a variable length. A struct is written as its fields
//!   in order. An enum is written as the index of its variant, then the fields of that variant. Names are not written.
//! - Decoding checks the version first, and refuses an unexpected version without reading the body.
//! - Decoding fails with [`CodecError::TrailingBytes`] if bytes follow the body.
//!
//! # Which to use
//!
//! - Derive [`WireMessage`](derive@WireMessage) for your own types: the version is then declared on the type.
//! - Call [`encode`] and [`decode`] for any other serde type, such as a type of another crate. The caller then
//!   passes the version.
//!
//! ```
//! use openraft_toolkit::WireMessage;
//!
//! #[derive(Debug, PartialEq, WireMessage)]
//! #[wire(version = 1)]
//! enum Request {
//!     Get { key: String },
//!     Put { key: String, value: u32 },
//! }
//!
//! let request = Request::Put { key: "a".to_owned(), value: 300 };
//! let frame = request.encode()?;
//! // Version 1; variant 1; a string of length 1; 300, where 251 announces an integer of two bytes.
//! assert_eq!(frame, [1, 1, 1, b'a', 251, 0x2c, 0x01]);
//! assert_eq!(Request::decode(&frame)?, request);
//! # Ok::<(), openraft_toolkit::CodecError>(())
//! ```
//!
//! # When a type changes
//!
//! A message type names, for each newer field or variant, the version that introduced it. Decoding reads every version
//! from `min_version` to `version`. If the type has a `previous` type, decoding also reads the versions of that type,
//! which are below `min_version`: see the [derive](derive@WireMessage). With a [`WriteVersion`], the nodes of a cluster
//! keep writing the old version until every node can read the new version.
//!
//! # Limits
//!
//! Decoding does not panic, whatever the bytes are, unless the application's own code does, such as a `Deserialize` or
//! a `From` written by hand. Decoding reserves memory for the elements of sequences and maps before it reads them. In
//! one body, it does so for at most one element per byte of the body, whatever lengths the bytes claim.
//!
//! Two limits keep decoded values from being too deep to copy, print and drop, and decoding from looping for hours over
//! elements that take no bytes. Encoding enforces the same limits. Beyond a limit, encoding fails with
//! [`CodecError::Encode`], and decoding with [`CodecError::Decode`]. So encoding writes no frame that decoding would
//! refuse for a limit. The limits are:
//!
//! | | in a message | outside of messages |
//! |---|---|---|
//! | depth of sequences, maps, `Some` and enum variants with fields | 128 | 256 |
//! | elements that take no bytes, such as those of a `Vec<()>` | 4,096 | 65,536 |
//!
//! Limits nest: each message counts its own, wherever it is. So a message that `decode` accepts fits into an entry of
//! the log, into a request with many entries and into a snapshot, whatever is around it there. A message inside a
//! message of the same type, as in a tree of messages, shares the counts of the outer one. A command that is not a
//! message counts on its own in openraft's `EntryPayload`, and so fits into entries and requests too. Inside other
//! types, such as the state in a snapshot, what is not a message adds to the counts of what is around it.
//!
//! Values that nest take stack, and how much depends on their types. Where little is left of a thread's stack, encoding
//! and decoding go on with a new stack. So no input overflows the stack, unless one level takes more than 256 KiB.
//!
//! The format is not self-describing: the bytes do not tell which type comes next. So frames cannot carry types that
//! need a self-describing format, such as those with serde's `untagged`, `flatten` or internal tags. Encoding such a
//! type fails with [`CodecError::Encode`], or decoding it fails with [`CodecError::Decode`].
//!
//! Do not use serde's `skip_serializing_if` in a type that is inside a frame. Decoding would read the bytes of the next
//! field in place of a field that is left out. If a field with a name is left out, encoding fails with
//! [`CodecError::Encode`]. Serde does not tell when it leaves out a field of a tuple struct: decoding then detects this
//! only by chance. The same holds for `skip_serializing` without `skip_deserializing`.

// This folder owns the bytes of frames, and the code that `#[derive(WireMessage)]` calls at run time. The folder
// does not know where frames are stored or sent. All that it knows of openraft is the name of the enum that openraft
// wraps a command in, which `bincode/limits.rs` has as a string.
//
// `WireMessage::encode` calls the code in `derive/`. That code calls `frame.rs` for the version byte and `bincode/` for
// the body. Decoding takes the same path. The functions `encode` and `decode` start at `frame.rs`.
//
//   wire_message.rs    the traits that users call
//   write_version.rs   the level of a node: the version at which it writes messages
//   scope.rs           at which version the messages inside a value are written
//   derive/            the body of each version of a message, as a serde value
//   frame.rs           the version byte; `encode` and `decode` for any serde type
//   bincode/           the format of the body, and its limits; in the library, only it uses the crate bincode
//   error.rs           `CodecError` and `BodyError`

mod bincode;
pub(crate) mod derive;
mod error;
mod frame;
mod scope;
mod wire_message;
mod write_version;

pub use error::{BodyError, CodecError};
#[cfg(feature = "rocksdb-log-store")]
pub(crate) use frame::encode_into;
pub use frame::{decode, encode};
pub use openraft_toolkit_macros::WireMessage;
pub use wire_message::{WireMessage, WireMessageBorrowed};
pub use write_version::{WriteVersion, WriteVersionLowered};
