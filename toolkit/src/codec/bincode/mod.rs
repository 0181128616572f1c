//! The format of a body: bincode 2 with `config::standard()`.
//!
//! This folder is the only user of the crate bincode: another format means another folder like it. It does
//! not know versions or messages.
//!
//! bincode writes and reads the primitives. This folder maps serde's data model onto them by itself, because
//! bincode's own mapping believes the lengths that it reads. Values flow from [`encode_into`] through the
//! serializer in `writer.rs`, and to [`decode`] through the deserializer in `reader.rs`. Both count against
//! the [limits](super#limits) in `limits.rs`, so that whatever is written can be read back. `primitives.rs`
//! has what bincode needs on either side: where bytes go and come from, and its errors in our words.

mod limits;
mod primitives;
mod reader;
mod writer;

pub(super) use reader::BincodeReader;
use serde::Serialize;
use serde::de::DeserializeOwned;
pub(super) use writer::BincodeWriter;

use super::error::CodecError;

/// Appends `value` to `out`. On an error `out` may have a part of it.
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
