//! Versioned frames: `[version: u8 | bincode body]`.

mod body;
mod error;
mod frame;
mod wire_message;

pub use error::{BodyError, CodecError};
#[cfg_attr(not(feature = "rocksdb-log-store"), allow(unused_imports))]
pub(crate) use frame::encode_into;
pub use frame::{decode, encode};
pub use wire_message::WireMessage;
