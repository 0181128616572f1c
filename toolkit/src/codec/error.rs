use std::fmt;

/// The reason why a value could not be encoded, or bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes are empty: even the version byte is missing.
    #[error("empty frame: the version byte is missing")]
    Empty,
    /// The frame has another version than the caller of [`decode`](super::decode) expects.
    #[error("frame version {actual}, expected {expected}")]
    Version {
        /// The version that the caller expects.
        expected: u8,
        /// The version byte of the frame.
        actual: u8,
    },
    /// The message type does not read the version of the frame, or does not write the version that the caller asked
    /// for.
    #[error("frame version {actual} is not supported, only {min} to {max}")]
    VersionUnsupported {
        /// The oldest version that the type supports.
        min: u8,
        /// The newest version that the type supports.
        max: u8,
        /// The version of the frame, or the version that the caller asked to write.
        actual: u8,
    },
    /// The value's own `Serialize` refused the value, or the value is beyond the [limits](super#limits).
    #[error("cannot encode the body")]
    Encode(#[source] BodyError),
    /// The body does not have the type's layout, or is beyond the [limits](super#limits).
    #[error("cannot decode the body")]
    Decode(#[source] BodyError),
    /// Bytes follow the end of the body.
    #[error("{extra} bytes follow the body")]
    TrailingBytes {
        /// The number of bytes after the body.
        extra: usize,
    },
    /// The value cannot be written at the older version: the version lacks a field or variant that the value holds,
    /// or a `downgrade` refused the value.
    #[error("{what} cannot be written at version {version}")]
    #[non_exhaustive]
    NotRepresentable {
        /// The version that the caller asked to write.
        version: u8,
        /// The field or variant that is too new, such as `Type::field`. If a `downgrade` refused the value, this is
        /// the name of the type.
        what: &'static str,
        /// If a `downgrade` refused the value: the error of the `TryFrom` that `previous(.., downgrade)` calls.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl CodecError {
    /// Returns the error of generated code for a field or variant that `version` does not have.
    #[doc(hidden)]
    #[cold]
    pub fn not_representable(version: u8, what: &'static str) -> Self {
        Self::NotRepresentable {
            version,
            what,
            source: None,
        }
    }
}

/// A description of what is wrong with a body.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct BodyError(Box<str>);

impl BodyError {
    #[cold]
    pub(super) fn message(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }
}

impl fmt::Debug for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyError({:?})", self.0)
    }
}

impl serde::ser::Error for BodyError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::message(message)
    }
}

impl serde::de::Error for BodyError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::message(message)
    }
}
