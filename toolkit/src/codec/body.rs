//! The body of a frame: bincode 2, `config::standard()`. The only user of that crate.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BodyError, CodecError};

pub(crate) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(value, out, bincode::config::standard())
        .map(drop)
        .map_err(|e| CodecError::Encode(BodyError::new(e)))
}

pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    let (value, read) = bincode::serde::borrow_decode_from_slice(body, bincode::config::standard())
        .map_err(|e| CodecError::Decode(BodyError::new(e)))?;
    match body.len() - read {
        0 => Ok(value),
        extra => Err(CodecError::TrailingBytes { extra }),
    }
}
