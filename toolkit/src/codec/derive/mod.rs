//! The run-time part of `#[derive(WireMessage)]`, which generated code calls through `crate::__private`.
//!
//! A body is serialized as serde's own derive would serialize a type with only the fields and variants of the body's
//! version. So any serde format can carry a body; in a frame, the bytes are bincode's. This folder knows versions and
//! fields. The format is in `codec/bincode/`, and the version byte of a frame is in `codec/frame.rs`.
//!
//! The derive implements [`Body`] for the versions of a type's own layout, and [`SerdeForm`] for
//! `#[wire(serde)]`. A message is then encoded and decoded in one of two ways:
//!
//! - As a frame: `WireMessage::encode` and `decode` call `message.rs`, which handles the version byte and hands
//!   the body to `body.rs`.
//! - As a serde value: the generated `Serialize` and `Deserialize` call `serde_form.rs`, which writes the version
//!   next to the body and hands the body to `body.rs`.
//!
//! | file | what is in it |
//! |---|---|
//! | `body.rs` | the trait `Body`, and the visitors that read a body in any serde format |
//! | `fields.rs` | reads fields in order or by name, and writes and reads bytes as a whole |
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
pub use diagnostics::{Comparable, Defaulted, Downgraded, Upgraded, default_of, is_default};
pub use fields::{ByteField, Bytes, MapFields, SeqFields};
pub use message::{decode_borrowed_message, decode_message, encode_message};
pub use previous::{
    deserialize_previous, downgrade, ensure_previous_writable_at, is_previous_frame, is_previous_version,
    serialize_previous, upgrade,
};
pub use serde_form::{SerdeForm, deserialize_message, serialize_message};
