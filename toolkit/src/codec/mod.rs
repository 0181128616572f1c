//! Versioned frames: one version byte, then the value.
//!
//! RPCs and records on disk outlive the code that wrote them. The version byte of a frame says which layout
//! the rest has. Another release then reads the frame correctly or refuses it, and never takes it for
//! something else.
//!
//! ```text
//! +-------------+------------------------------------------------------+
//! | version: u8 | body: bincode 2, `config::standard()`, through serde |
//! +-------------+------------------------------------------------------+
//! ```
//!
//! - The body is little endian with variable-length integers. A struct is its fields in order. An enum is
//!   the index of its variant, then the fields of that variant. Names are not written.
//! - Decoding refuses an unknown version before it looks at the body.
//! - Nothing may follow the body: leftover bytes are [`CodecError::TrailingBytes`].
//!
//! # Which to use
//!
//! - Derive [`WireMessage`](derive@WireMessage) for your own types: the version then stands at the type.
//! - Call [`encode`] and [`decode`] for any serde type whose version is known elsewhere, for example for a
//!   type of another crate.
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
//! // version 1, variant 1, a string of 1 byte, a u16
//! assert_eq!(frame, [1, 1, 1, b'a', 251, 0x2c, 0x01]);
//! assert_eq!(Request::decode(&frame)?, request);
//! # Ok::<(), openraft_toolkit::CodecError>(())
//! ```
//!
//! # When a type changes
//!
//! A message says since which version each of its newer fields and variants exists, and decodes every
//! version from its `min_version` on: see the [derive](derive@WireMessage). A [`WriteVersion`] keeps a
//! cluster writing the old version until every node can read the new one.
//!
//! # Limits
//!
//! Decoding takes any bytes. It never panics. Whatever lengths the bytes claim, decoding allocates at most
//! the number of bytes times the size of the type's elements.
//!
//! This requires two limits. Encoding keeps both too and fails with [`CodecError::Encode`] beyond them, so
//! that whatever is encoded can be decoded:
//!
//! - Sequences, maps, `Some` and enum variants with fields nest to a depth of at most 128.
//! - A body holds at most 4,096 elements that take no bytes, such as those of a `Vec<()>`.
//!
//! The format does not say which type comes next, so types that ask for it cannot be encoded or decoded:
//! serde's `untagged`, internally tagged and `flatten` fail with [`CodecError::Encode`] or
//! [`CodecError::Decode`].

// The folder owns the bytes of frames and what `#[derive(WireMessage)]` calls at run time. It does not know
// openraft, and it does not know where frames are stored or sent.
//
// A value goes through these files on its way to bytes; decoding goes the same way:
//
//   wire_message.rs    the traits that users call
//   write_version.rs   the level of a process: at which version a message is written
//   derive/            the fields that a version of a message has, as a serde value
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
