use super::CodecError;
use super::frame::FRAME_CAPACITY;

/// A type with a versioned frame of its own.
///
/// Derive it with [`#[derive(WireMessage)]`](derive@crate::WireMessage), which also shows its use.
/// Whoever implements it by hand keeps to what the methods say, so that frames mean the same to all.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no versioned frame",
    label = "does not implement `WireMessage`",
    note = "add `#[derive(WireMessage)]` and `#[wire(version = 1)]` to `{Self}`"
)]
pub trait WireMessage: Sized {
    /// The version that [`encode`](Self::encode) writes: the newest that the type has.
    const VERSION: u8;
    /// The oldest version that [`decode`](Self::decode) reads, as the type or as the ones before it.
    const MIN_VERSION: u8;

    /// Encodes a frame at [`VERSION`](Self::VERSION).
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] when a field's own `Serialize` refuses it, or when the value is beyond
    /// the [limits](crate::codec#limits).
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        self.encode_at(Self::VERSION)
    }

    /// Encodes a frame at `version`, for a reader that knows no newer one.
    ///
    /// Messages within it, in their serde form, have versions of their own: a
    /// [`WriteVersion`](super::WriteVersion) sets those.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), and
    ///
    /// - [`CodecError::NotRepresentable`] when the value holds what `version` has no place for.
    /// - [`CodecError::VersionUnsupported`] for a version that the type does not write: one above
    ///   [`VERSION`](Self::VERSION), or below its `min_version` where there is no `downgrade`.
    fn encode_at(&self, version: u8) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::with_capacity(FRAME_CAPACITY);
        self.encode_into(version, &mut out)?;
        Ok(out)
    }

    /// Appends a frame at `version` to `out`, which stays as it was on an error.
    ///
    /// # Errors
    ///
    /// As [`encode_at`](Self::encode_at).
    fn encode_into(&self, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Decodes one frame, and nothing but that frame.
    ///
    /// # Errors
    ///
    /// [`CodecError::Empty`], [`CodecError::VersionUnsupported`], [`CodecError::Decode`] or
    /// [`CodecError::TrailingBytes`]; never a panic, whatever the bytes are.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;
}

/// A message that can borrow from the frame that it is decoded from.
///
/// The [derive](derive@crate::WireMessage) implements it for types with a lifetime: fields of the types
/// `Cow<'_, str>` and `Cow<'_, [u8]>` are not copied.
///
/// ```
/// use std::borrow::Cow;
///
/// use openraft_toolkit::WireMessage;
/// use openraft_toolkit::codec::WireMessageBorrowed;
///
/// #[derive(WireMessage)]
/// #[wire(version = 1)]
/// struct Put<'a> {
///     key: Cow<'a, str>,
///     value: Cow<'a, [u8]>,
/// }
///
/// let frame = Put { key: "k".into(), value: vec![1, 2].into() }.encode()?;
/// let put = Put::decode_borrowed(&frame)?;
/// assert!(matches!((put.key, put.value), (Cow::Borrowed("k"), Cow::Borrowed([1, 2]))));
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
pub trait WireMessageBorrowed<'de>: WireMessage {
    /// As [`WireMessage::decode`], without copying what can be borrowed from `bytes`.
    ///
    /// # Errors
    ///
    /// Those of [`WireMessage::decode`].
    fn decode_borrowed(bytes: &'de [u8]) -> Result<Self, CodecError>;
}
