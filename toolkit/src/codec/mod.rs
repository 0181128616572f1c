//! Versioned frames: one version byte, then the value.
//!
//! Whatever leaves the process, an RPC or a record on disk, outlives the code that wrote it. A frame
//! says which layout its bytes have, so that another release reads it right or refuses it, and never
//! reads it wrong.
//!
//! ```text
//! +-------------+----------------------------------------------------+
//! | version: u8 | body: bincode 2, `config::standard()`, through serde |
//! +-------------+----------------------------------------------------+
//! ```
//!
//! - The body is little endian with variable-length integers. A struct is its fields in order, an enum
//!   its variant's index and then that variant's fields; names are not written.
//! - An unknown version is refused before the body is looked at.
//! - Nothing follows the body: what is left over is [`CodecError::TrailingBytes`].
//!
//! # Which to use
//!
//! - [`WireMessage`](derive@WireMessage), derived, for types of your own: the version stands at the type.
//! - [`encode`] and [`decode`] for any serde type whose version is known elsewhere, as for types that
//!   are not yours.
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
//! A message says which version each of its newer fields and variants came with, and reads every
//! version that it claims: see the [derive](derive@WireMessage). A [`WriteVersion`] keeps a cluster
//! on the old version until every node knows the new one.
//!
//! # Limits
//!
//! Decoding takes any bytes: it never panics, and what it allocates is bounded by the number of bytes
//! times the size of the type's elements, whatever lengths the bytes claim. Two limits come with that.
//! Encoding keeps them as well, as [`CodecError::Encode`], so that whatever is encoded can be decoded:
//!
//! - Sequences, maps, `Some` and enum variants with fields nest at most 128 levels deep.
//! - A body holds at most 4,096 elements that take no bytes, such as those of a `Vec<()>`.
//!
//! Types that ask the format what comes next cannot be decoded, because it does not say: serde's
//! `untagged`, internally tagged and `flatten` are [`CodecError::Decode`] or [`CodecError::Encode`].

mod body;
pub(crate) mod bytes;
mod error;
mod frame;
pub(crate) mod versioned;
mod wire_message;
mod write_version;

pub use error::{BodyError, CodecError};
#[cfg(feature = "rocksdb-log-store")]
pub(crate) use frame::encode_into;
pub use frame::{decode, encode};
#[doc(hidden)]
pub use frame::{decode_borrowed_message, decode_message, encode_message, is_previous};
pub use openraft_toolkit_macros::WireMessage;
pub use wire_message::{WireMessage, WireMessageBorrowed};
pub use write_version::{WriteVersion, WriteVersionLowered};
