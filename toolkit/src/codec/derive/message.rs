use super::body::{Body, BorrowedBody, deserialize_body, deserialize_borrowed_body};
use crate::codec::bincode::{BincodeReader, BincodeWriter};
use crate::codec::error::CodecError;
use crate::codec::frame::{append_frame, ensure_supported, split};
use crate::codec::scope::at_version;

/// Implements `WireMessage::encode_into` for the versions of the type's own layout.
#[inline]
pub fn encode_message<T: Body>(message: &T, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError> {
    ensure_supported(T::OLDEST_WRITABLE, T::VERSION, version)?;
    message.ensure_representable(version)?;
    append_frame(version, out, |out| {
        at_version(version, || {
            let mut body = BincodeWriter::of_message(out, T::BOUNDARY);
            message.serialize_body(version, &mut body).map_err(CodecError::Encode)
        })
    })
}

/// Implements `WireMessage::decode` for the versions of the type's own layout.
#[inline]
pub fn decode_message<T: Body>(bytes: &[u8]) -> Result<T, CodecError> {
    let (version, mut body) = open::<T>(bytes)?;
    let message = deserialize_body(version, &mut body).map_err(CodecError::Decode)?;
    body.finish()?;
    Ok(message)
}

/// Implements `WireMessageBorrowed::decode_borrowed` for the versions of the type's own layout.
#[inline]
pub fn decode_borrowed_message<'de, T: BorrowedBody<'de>>(bytes: &'de [u8]) -> Result<T, CodecError> {
    let (version, mut body) = open::<T>(bytes)?;
    let message = deserialize_borrowed_body(version, &mut body).map_err(CodecError::Decode)?;
    body.finish()?;
    Ok(message)
}

/// Returns the version of a frame and a reader of its body. Fails if `T` does not read that version.
#[inline]
fn open<T: Body>(frame: &[u8]) -> Result<(u8, BincodeReader<'_>), CodecError> {
    let (version, body) = split(frame)?;
    ensure_supported(T::MIN_VERSION, T::VERSION, version)?;
    Ok((version, BincodeReader::of_message(body, T::BOUNDARY)))
}
