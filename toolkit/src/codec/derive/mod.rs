//! The run-time part of `#[derive(WireMessage)]`, which generated code calls through `crate::__private`.
//!
//! A body is what serde's derive would make of the fields and variants that its version has. So a body goes
//! through any serde format, and in a frame it is what bincode would write. This folder knows versions and
//! fields; the format is in `codec/bincode/`, and the version byte of a frame in `codec/frame.rs`.
//!
//! The derive implements [`Body`] for the versions of a type's own layout, and [`SerdeForm`] for
//! `#[wire(serde)]`. From there a message takes one of two ways:
//!
//! - `encode` and `decode` of `WireMessage` -> `message.rs`, which makes a frame -> `body.rs`
//! - the generated `Serialize` and `Deserialize` -> `serde_form.rs`, which writes the version beside the
//!   body -> `body.rs`
//!
//! | file | what is in it |
//! |---|---|
//! | `body.rs` | the trait of a layout, and how a body is read in any serde format |
//! | `fields.rs` | how one field is read and written: in order, by name, as bytes |
//! | `message.rs` | the frame of a message |
//! | `serde_form.rs` | the version and the body as one serde value |
//! | `previous.rs` | the versions that are another type's: `previous = Old` |
//! | `diagnostics.rs` | traits that only exist so that rustc's errors say what to write |

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
