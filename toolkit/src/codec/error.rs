use std::fmt;

/// Why a value could not be encoded, or bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// There is not even a version byte.
    #[error("empty frame: the version byte is missing")]
    Empty,
    /// The frame's version is not the one that was asked for.
    #[error("frame version {actual}, expected {expected}")]
    Version {
        /// The version that was asked for.
        expected: u8,
        /// The version byte of the frame.
        actual: u8,
    },
    /// The frame's version is outside what the type can read or write.
    #[error("frame version {actual} is not supported, only {min} to {max}")]
    VersionUnsupported {
        /// The oldest version that the type claims.
        min: u8,
        /// The newest version that the type claims.
        max: u8,
        /// The version that was found or asked for.
        actual: u8,
    },
    /// The value's own `Serialize` refused it.
    #[error("cannot encode the body")]
    Encode(#[source] BodyError),
    /// The body is not what the type's layout says.
    #[error("cannot decode the body")]
    Decode(#[source] BodyError),
    /// Bytes follow the body.
    #[error("{extra} bytes follow the body")]
    TrailingBytes {
        /// How many bytes follow.
        extra: usize,
    },
    /// The value holds what the older version has no place for.
    #[error("{what} cannot be written at version {version}")]
    #[non_exhaustive]
    NotRepresentable {
        /// The version that was asked for.
        version: u8,
        /// The field or variant, as `Type::field`; the type itself where its downgrade refused.
        what: &'static str,
        /// The error of that downgrade: of the `TryFrom` that `previous(.., downgrade)` uses.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl CodecError {
    /// What the derive reports for a field or variant.
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

/// What is wrong with a body, in words.
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
