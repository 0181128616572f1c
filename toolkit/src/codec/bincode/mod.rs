//! The format of a body: bincode 2 with `config::standard()`.
//!
//! In the library, only this folder uses the crate bincode: to add a format, add a folder like this one. The folder
//! does not know versions or messages.
//!
//! The crate bincode writes and reads primitives such as integers and strings. This folder maps serde's data model
//! to these primitives itself, because bincode's own mapping trusts the lengths in the input: it allocates a string of
//! the claimed length before it reads the bytes, and passes on the claimed length of a sequence as a size hint.
//!
//! - `writer.rs` has the serializer, which [`encode_into`] calls.
//! - `reader.rs` has the deserializer, which [`decode`] calls.
//! - `limits.rs` has the [limits](super#limits). The serializer and the deserializer enforce the same limits, so the
//!   deserializer does not refuse, because of a limit, what the serializer wrote.
//! - `stack.rs` gives nested values a new stack where little of the thread's stack is left.
//! - `primitives.rs` has bincode's byte sink and byte source, and converts bincode's errors to `BodyError`.

mod limits;
mod primitives;
mod reader;
mod stack;
mod writer;

pub(super) use reader::BincodeReader;
use serde::Serialize;
use serde::de::DeserializeOwned;
pub(super) use writer::BincodeWriter;

use super::error::CodecError;

/// Appends `value` to `out`. On an error, `out` may hold part of the encoded value.
#[inline]
pub(super) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    value
        .serialize(&mut BincodeWriter::new(out))
        .map_err(CodecError::Encode)
}

/// Decodes a body that is one value and nothing else.
#[inline]
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    let mut reader = BincodeReader::new(body);
    let value = T::deserialize(&mut reader).map_err(CodecError::Decode)?;
    reader.finish()?;
    Ok(value)
}
