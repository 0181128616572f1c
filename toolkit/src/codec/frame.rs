//! The frame around a body. This file writes and checks the version byte. If encoding fails, it removes the
//! unfinished frame from the output.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bincode;
use super::error::CodecError;

/// Encodes `value` as a frame of `version`, which may be any `u8`.
///
/// ```
/// let frame = openraft_toolkit::encode(1, &("ab", 300u32))?;
/// assert_eq!(frame, [1, 2, b'a', b'b', 251, 0x2c, 0x01]);
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// # Errors
///
/// [`CodecError::Encode`] when the `Serialize` of `value`, or of something inside it, refuses the value, or announces
/// no length or a wrong length of a sequence or map, and when `value` is beyond the [limits](crate::codec#limits).
pub fn encode<T: Serialize + ?Sized>(version: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(FRAME_CAPACITY);
    encode_into(version, value, &mut out)?;
    Ok(out)
}

/// The initial capacity, in bytes, of the buffer of a frame. The size of the frame is not known in advance. Growing a
/// `Vec` from empty to this size takes longer than encoding a small message.
pub(super) const FRAME_CAPACITY: usize = 64;

/// Appends a frame of `version` to `out`. On an error, `out` stays as it was.
pub(crate) fn encode_into<T: Serialize + ?Sized>(version: u8, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    append_frame(version, out, |out| bincode::encode_into(value, out))
}

/// Decodes `bytes`, which must be one frame of `expected_version` and nothing else.
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
/// - [`CodecError::Empty`] if `bytes` is empty.
/// - [`CodecError::Version`] if the version byte is not `expected_version`.
/// - [`CodecError::Decode`] if the body does not have the layout of `T`, if the `Deserialize` of `T` or of something
///   inside it refuses what it reads, or if the body is beyond the [limits](crate::codec#limits).
/// - [`CodecError::TrailingBytes`] if bytes follow the body.
pub fn decode<T: DeserializeOwned>(expected_version: u8, bytes: &[u8]) -> Result<T, CodecError> {
    match split(bytes)? {
        (actual, body) if actual == expected_version => bincode::decode(body),
        (actual, _) => Err(CodecError::Version {
            expected: expected_version,
            actual,
        }),
    }
}

/// Appends the version byte to `out`, then calls `append_body` for the body. On an error, `out` stays as it was.
#[inline]
pub(super) fn append_frame(
    version: u8,
    out: &mut Vec<u8>,
    append_body: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<(), CodecError> {
    let start = out.len();
    out.push(version);
    append_body(out).inspect_err(|_| out.truncate(start))
}

/// Splits a frame into its version and its body. Fails with [`CodecError::Empty`] if there is no version byte.
#[inline]
pub(super) fn split(frame: &[u8]) -> Result<(u8, &[u8]), CodecError> {
    frame
        .split_first()
        .map(|(&version, body)| (version, body))
        .ok_or(CodecError::Empty)
}

/// Returns an error if `actual` is outside `min ..= max`.
#[inline]
pub(super) fn ensure_supported(min: u8, max: u8, actual: u8) -> Result<(), CodecError> {
    if (min..=max).contains(&actual) {
        Ok(())
    } else {
        Err(CodecError::VersionUnsupported { min, max, actual })
    }
}
