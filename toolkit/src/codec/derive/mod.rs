//! The run-time part of `#[derive(WireMessage)]`, which generated code calls through `crate::__private`.
//!
//! A body is serialized as serde's own derive would serialize a type with only the fields and variants of the body's
//! version. There are two differences, which do not change the bytes in bincode: a field of bytes is written as a
//! whole, and a single field without a name is written as a tuple of one field. So any serde format can carry a body.
//! In a frame, the format is bincode. This folder knows versions and fields. The format is in `codec/bincode/`, and the
//! version byte of a frame is in `codec/frame.rs`.
//!
//! The derive implements [`Body`] for the versions of a type's own layout, and [`SerdeForm`] for
//! `#[wire(serde)]`. A message is then encoded and decoded in one of two ways:
//!
//! - As a frame: `WireMessage::encode` and `decode` call `message.rs`, which handles the version byte. The methods of
//!   `Body` write and read the body.
//! - As a serde value: the generated `Serialize` and `Deserialize` call `serde_form.rs`, which handles the version
//!   beside the body. The methods of `SerdeForm` write and read the body.
//!
//! | file | what is in it |
//! |---|---|
//! | `body.rs` | the trait `Body`, and the visitors that read a body in any serde format |
//! | `fields.rs` | reads fields in order or by name, writes and reads bytes as a whole, and compares a field with its default |
//! | `message.rs` | the frame of a message |
//! | `serde_form.rs` | the version and the body as one serde value |
//! | `previous.rs` | the versions that are read and written as the previous type: `previous = Old` |
//! | `diagnostics.rs` | traits that only improve rustc's error messages |

mod body;
mod diagnostics;
mod fields;
mod message;
mod previous;
mod serde_form;

pub use body::{Body, BorrowedBody, Shape, deserialize_body, unknown_variant};
pub use diagnostics::{Comparable, Defaulted, Downgraded, Upgraded, default_of};
pub use fields::{ByteField, Bytes, MapFields, SeqFields, is_default};
pub use message::{decode_borrowed_message, decode_message, encode_message};
pub use previous::{
    deserialize_previous, downgrade, ensure_previous_writable_at, is_previous_frame, is_previous_version,
    is_written_as_previous, serialize_previous, upgrade,
};
pub use serde_form::{SerdeForm, deserialize_message, serialize_message};
