use super::error::CodecError;
use super::frame::FRAME_CAPACITY;
use super::scope::at_newest;

/// A type that is encoded as a frame with its version.
///
/// Derive it with [`#[derive(WireMessage)]`](derive@crate::WireMessage), whose documentation shows its use.
/// If you implement the trait by hand, every method must do what its documentation promises, because callers rely
/// on it for every message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no versioned frame",
    label = "does not implement `WireMessage`",
    note = "add `#[derive(WireMessage)]` and `#[wire(version = 1)]` to `{Self}`"
)]
pub trait WireMessage: Sized {
    /// The newest version of the type, which [`encode`](Self::encode) writes.
    const VERSION: u8;
    /// The oldest version that [`decode`](Self::decode) reads, including the versions of `previous` types.
    const MIN_VERSION: u8;
    /// The oldest version that [`encode_at`](Self::encode_at) writes.
    ///
    /// For a derived message, this is its `min_version`. With `downgrade`, it is the oldest version that the `previous`
    /// type writes. If you implement the trait by hand, the default is [`MIN_VERSION`](Self::MIN_VERSION).
    const OLDEST_WRITABLE: u8 = Self::MIN_VERSION;

    /// Encodes a frame at [`VERSION`](Self::VERSION), with the messages inside this message at the newest version of
    /// each. In a [`WriteVersion::scope`](super::WriteVersion::scope), the messages inside are written at the versions
    /// that the scope describes.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] when the `Serialize` of a field refuses the value of the field, or announces no length or
    /// a wrong length of a sequence or map, and when the value is beyond the [limits](crate::codec#limits).
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::with_capacity(FRAME_CAPACITY);
        at_newest(|| self.encode_into(Self::VERSION, &mut out))?;
        Ok(out)
    }

    /// Encodes a frame at `version`, for a reader that knows no newer version of any message.
    ///
    /// `version` applies to the messages inside this message as well: each is written at `version`, or at its own
    /// newest version if that is lower. So the versions must be numbered by release, as
    /// [`WriteVersion`](super::WriteVersion) describes. In a [`WriteVersion::scope`](super::WriteVersion::scope), the
    /// messages inside are written at the versions that the scope describes instead.
    ///
    /// # Errors
    ///
    /// The errors of [`encode`](Self::encode), and:
    ///
    /// - [`CodecError::NotRepresentable`] when the value, or a message inside it, holds something that `version` has no
    ///   place for.
    /// - [`CodecError::VersionUnsupported`] when the type does not write `version`, which is then not in
    ///   [`OLDEST_WRITABLE`](Self::OLDEST_WRITABLE) to [`VERSION`](Self::VERSION).
    /// - [`CodecError::Encode`] when `version` is below the oldest version that the type of a message inside writes.
    fn encode_at(&self, version: u8) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::with_capacity(FRAME_CAPACITY);
        self.encode_into(version, &mut out)?;
        Ok(out)
    }

    /// Appends a frame at `version` to `out`, as [`encode_at`](Self::encode_at) writes it. On an error, `out` stays as
    /// it was.
    ///
    /// # Errors
    ///
    /// The errors of [`encode_at`](Self::encode_at).
    fn encode_into(&self, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Decodes `bytes`, which must be one frame and nothing else.
    ///
    /// # Errors
    ///
    /// - [`CodecError::Empty`] if `bytes` is empty.
    /// - [`CodecError::VersionUnsupported`] if the version byte is not in [`MIN_VERSION`](Self::MIN_VERSION) to
    ///   [`VERSION`](Self::VERSION).
    /// - [`CodecError::Decode`] if the body does not have the layout of the version, if the `Deserialize` of a field
    ///   refuses what it reads, or if the body is beyond the [limits](crate::codec#limits).
    /// - [`CodecError::TrailingBytes`] if bytes follow the body.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;
}

/// A message that can borrow from the frame that it is decoded from.
///
/// The [derive](derive@crate::WireMessage) implements this trait for types with a lifetime parameter.
/// [`decode_borrowed`](Self::decode_borrowed) does not copy a field of type `Cow<'a, str>` or `Cow<'a, [u8]>` if `'a`
/// is a lifetime parameter of the message. If the version of the frame is one of the `previous` type, all fields are
/// copied.
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
    /// Decodes a frame like [`WireMessage::decode`], but a field that can borrow refers to `bytes` instead of holding a
    /// copy.
    ///
    /// # Errors
    ///
    /// The errors of [`WireMessage::decode`].
    fn decode_borrowed(bytes: &'de [u8]) -> Result<Self, CodecError>;
}
