//! Versioned frames: one version byte, then the value.
//!
//! An RPC or a record on disk may be read by a newer or an older release than the release that wrote it. The
//! version byte of a frame names the layout of the body. So any release reads the frame correctly or refuses the
//! frame, and never misreads the body.
//!
//! ```text
//! +-------------+------------------------------------------------------+
//! | version: u8 | body: bincode 2, `config::standard()`, through serde |
//! +-------------+------------------------------------------------------+
//! ```
//!
//! - The body is little endian with variable-length integers. A struct is written as its fields in order. An
//!   enum is written as the index of its variant, then the fields of that variant. Names are not written.
//! - Decoding refuses an unknown version before it reads the body.
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
//! A message type names, for each newer field or variant, the version that introduced it. Decoding reads every
//! version from `min_version` on: see the [derive](derive@WireMessage). With a [`WriteVersion`], the nodes of a
//! cluster keep writing the old version until every node can read the new version.
//!
//! # Limits
//!
//! Decoding never panics, whatever the bytes are. Decoding reserves memory for at most one element per byte,
//! whatever lengths the bytes claim.
//!
//! To guarantee this, decoding enforces two limits. Encoding enforces the same limits, and fails with
//! [`CodecError::Encode`] beyond them, so every frame that can be encoded can be decoded:
//!
//! - Sequences, maps, `Some` and enum variants with fields nest to a depth of at most 128.
//! - A body holds at most 4,096 elements that take no bytes, such as those of a `Vec<()>`.
//!
//! The format is not self-describing: the bytes do not tell which type comes next. So frames cannot carry types
//! that need a self-describing format, such as those with serde's `untagged`, `flatten` or internal tags. Encoding
//! such a type, or at the latest decoding it, fails with [`CodecError::Encode`] or [`CodecError::Decode`].

// This folder owns the bytes of frames, and the code that `#[derive(WireMessage)]` calls at run time. The folder
// does not know openraft, and does not know where frames are stored or sent.
//
// To encode a value, a call passes through these files from top to bottom. A call that decodes takes the same path.
//
//   wire_message.rs    the traits that users call
//   write_version.rs   the level of a node: the version at which it writes messages
//   derive/            the body of each version of a message, as a serde value
//   frame.rs           the version byte; `encode` and `decode` for any serde type
//   bincode/           the format of the body, and its limits; the only user of the crate bincode
//   error.rs           `CodecError` and `BodyError`

mod bincode;
pub(crate) mod derive;
mod error;
mod frame;
mod wire_message;
mod write_version;

pub use error::{BodyError, CodecError};
#[cfg(feature = "rocksdb-log-store")]
pub(crate) use frame::encode_into;
pub use frame::{decode, encode};
pub use openraft_toolkit_macros::WireMessage;
pub use wire_message::{WireMessage, WireMessageBorrowed};
pub use write_version::{WriteVersion, WriteVersionLowered};
