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
        /// When decoding: the oldest version that the type reads. When encoding: the oldest version that the type
        /// writes, also through a `downgrade`.
        min: u8,
        /// The newest version of the type.
        max: u8,
        /// The version of the frame, or the version that the caller asked to write.
        actual: u8,
    },
    /// The `Serialize` of the value, or of something inside it, refused the value, or announced no length or a wrong
    /// length of a sequence or map. Or the value is beyond the [limits](super#limits).
    #[error("cannot encode the body: {0}")]
    Encode(BodyError),
    /// The body does not have the type's layout, or is beyond the [limits](super#limits), or the `Deserialize` of the
    /// type, or of something inside it, refused what it read.
    #[error("cannot decode the body: {0}")]
    Decode(BodyError),
    /// Bytes follow the end of the body.
    #[error("{extra} bytes follow the body")]
    TrailingBytes {
        /// The number of bytes after the body.
        extra: usize,
    },
    /// The value cannot be written at an older version than the newest: the version lacks the value's variant, or lacks
    /// a field that is not `lossy` and does not equal its default, or a `downgrade` refused the value.
    #[error("{what} cannot be written at version {version}{}", because(.source))]
    #[non_exhaustive]
    NotRepresentable {
        /// The version that has no place for the value.
        version: u8,
        /// The field or variant that is too new, such as `Type::field`. If a `downgrade` refused the value, this is
        /// the name of the type that has the setting `downgrade`.
        what: &'static str,
        /// If a `downgrade` refused the value: the error of the `TryFrom` that `previous(.., downgrade)` calls. `None`
        /// in all other cases.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl CodecError {
    /// Returns a [`NotRepresentable`](Self::NotRepresentable) without a source. Generated code returns this error for a
    /// field or variant that `version` does not have.
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

/// Returns the end of a message that names its source. A service that sends only the message to its client then sends
/// the reason too.
fn because(source: &Option<Box<dyn std::error::Error + Send + Sync>>) -> String {
    source.as_ref().map(|source| format!(": {source}")).unwrap_or_default()
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
