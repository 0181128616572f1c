use ::bincode::de::read::{BorrowReader, Reader};
use ::bincode::enc::write::Writer;
use ::bincode::error::{DecodeError, EncodeError};

use crate::codec::error::BodyError;

/// The buffer to which bincode appends primitives.
pub(super) struct Output<'o>(pub(super) &'o mut Vec<u8>);

impl Writer for Output<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The bytes that bincode has not read yet.
pub(super) struct Input<'de>(pub(super) &'de [u8]);

impl Reader for Input<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        bytes.copy_from_slice(self.take_bytes(bytes.len())?);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, n: usize) -> Option<&[u8]> {
        self.0.get(..n)
    }

    #[inline]
    fn consume(&mut self, n: usize) {
        self.0 = self.0.get(n..).unwrap_or_default();
    }
}

impl<'de> BorrowReader<'de> for Input<'de> {
    #[inline]
    fn take_bytes(&mut self, length: usize) -> Result<&'de [u8], DecodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| DecodeError::UnexpectedEnd {
                additional: length - self.0.len(),
            })?;
        self.0 = rest;
        Ok(taken)
    }
}

impl From<EncodeError> for BodyError {
    #[cold]
    fn from(error: EncodeError) -> Self {
        Self::message(error)
    }
}

impl From<DecodeError> for BodyError {
    #[cold]
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::UnexpectedEnd { additional } => Self::message(format_args!(
                "unexpected end, at least {additional} more bytes expected"
            )),
            DecodeError::InvalidIntegerType { expected, found } => Self::message(format_args!(
                "expected an integer of type {expected:?}, found one of {found:?}"
            )),
            DecodeError::InvalidBooleanValue(byte) => {
                Self::message(format_args!("expected 0 or 1 for a bool, found {byte}"))
            }
            DecodeError::InvalidCharEncoding(_) => Self::message("invalid UTF-8 in a char"),
            DecodeError::Utf8 { inner } => Self::message(format_args!("invalid UTF-8 in a string: {inner}")),
            DecodeError::OutsideUsizeRange(length) => Self::message(format_args!("length {length} exceeds usize")),
            other => Self::message(other),
        }
    }
}
