use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, body};

/// Encodes `value` as a frame of `version`.
///
/// # Errors
///
/// [`CodecError::Encode`] when the value's own `Serialize` refuses it.
pub fn encode<T: Serialize + ?Sized>(version: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    encode_into(version, value, &mut out)?;
    Ok(out)
}

/// Appends a frame of `version` to `out`.
pub(crate) fn encode_into<T: Serialize + ?Sized>(version: u8, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.push(version);
    body::encode_into(value, out)
}

/// Decodes a frame that must be of `expected_version`, and nothing but that frame.
///
/// # Errors
///
/// [`CodecError::Empty`], [`CodecError::Version`], [`CodecError::Decode`] or
/// [`CodecError::TrailingBytes`]; never a panic, whatever the bytes are.
pub fn decode<T: DeserializeOwned>(expected_version: u8, bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&actual, body)) if actual == expected_version => body::decode(body),
        Some((&actual, _)) => Err(CodecError::Version { expected: expected_version, actual }),
    }
}
