use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{self, BodyReader, BodyWriter};
use super::versioned::{self, Body, BorrowedBody, supported};
use super::{CodecError, WireMessage};

/// Encodes `value` as a frame of `version`, any `u8`.
///
/// ```
/// let frame = openraft_toolkit::encode(1, &("ab", 300u32))?;
/// assert_eq!(frame, [1, 2, b'a', b'b', 251, 0x2c, 0x01]);
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// # Errors
///
/// [`CodecError::Encode`] when the value's own `Serialize` refuses it, or when it is beyond the
/// [limits](crate::codec#limits).
pub fn encode<T: Serialize + ?Sized>(version: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(FRAME_CAPACITY);
    encode_into(version, value, &mut out)?;
    Ok(out)
}

/// What is reserved for a frame whose size is not known: growing from nothing to this takes longer than
/// to encode a small message.
pub(super) const FRAME_CAPACITY: usize = 64;

/// Appends a frame of `version` to `out`, and nothing where that fails.
pub(crate) fn encode_into<T: Serialize + ?Sized>(version: u8, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    appended(out, |out| {
        out.push(version);
        body::encode_into(value, out)
    })
}

/// Decodes a frame that must be of `expected_version`, and nothing but that frame.
///
/// ```
/// use openraft_toolkit::{CodecError, decode};
///
/// let (text, number): (String, u32) = decode(1, &[1, 2, b'a', b'b', 7])?;
/// assert_eq!((text.as_str(), number), ("ab", 7));
///
/// let error = decode::<u32>(2, &[1, 7]).unwrap_err();
/// assert!(matches!(error, CodecError::Version { expected: 2, actual: 1 }));
/// # Ok::<(), CodecError>(())
/// ```
///
/// # Errors
///
/// [`CodecError::Empty`], [`CodecError::Version`], [`CodecError::Decode`] or
/// [`CodecError::TrailingBytes`]; never a panic, whatever the bytes are.
pub fn decode<T: DeserializeOwned>(expected_version: u8, bytes: &[u8]) -> Result<T, CodecError> {
    match split(bytes)? {
        (actual, body) if actual == expected_version => body::decode(body),
        (actual, _) => Err(CodecError::Version {
            expected: expected_version,
            actual,
        }),
    }
}

/// What the derive's `encode_into` does, at the versions of its own layout.
#[inline]
pub fn encode_message<T: Body>(message: &T, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError> {
    supported(T::OLDEST, T::VERSION, version)?;
    message.check(version)?;
    appended(out, |out| {
        out.push(version);
        let mut body = BodyWriter::new(out);
        message.serialize_body(version, &mut body).map_err(CodecError::Encode)
    })
}

/// What the derive's `decode` does.
#[inline]
pub fn decode_message<T: Body>(bytes: &[u8]) -> Result<T, CodecError> {
    let (version, mut body) = body_of::<T>(bytes)?;
    let message = versioned::deserialize_body(version, &mut body).map_err(CodecError::Decode)?;
    body.finish()?;
    Ok(message)
}

/// What the derive's `decode_borrowed` does.
#[inline]
pub fn decode_borrowed_message<'de, T: BorrowedBody<'de>>(bytes: &'de [u8]) -> Result<T, CodecError> {
    let (version, mut body) = body_of::<T>(bytes)?;
    let message = versioned::deserialize_borrowed_body(version, &mut body).map_err(CodecError::Decode)?;
    body.finish()?;
    Ok(message)
}

/// Whether a frame is of a version below those of `T`'s own layout that `T` reads all the same.
pub fn is_previous<T: Body>(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|version| (T::MIN_VERSION..T::OLDEST).contains(version))
}

#[inline]
fn body_of<T: WireMessage>(bytes: &[u8]) -> Result<(u8, BodyReader<'_>), CodecError> {
    let (version, body) = split(bytes)?;
    supported(T::MIN_VERSION, T::VERSION, version)?;
    Ok((version, BodyReader::new(body)))
}

#[inline]
fn split(bytes: &[u8]) -> Result<(u8, &[u8]), CodecError> {
    bytes
        .split_first()
        .map(|(&version, body)| (version, body))
        .ok_or(CodecError::Empty)
}

#[inline]
fn appended(out: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>) -> Result<(), CodecError> {
    let start = out.len();
    append(out).inspect_err(|_| out.truncate(start))
}
