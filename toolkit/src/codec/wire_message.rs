use super::CodecError;

/// A type with a versioned frame.
pub trait WireMessage: Sized {
    /// The version that [`encode`](Self::encode) writes.
    const VERSION: u8;
    /// The oldest version that [`decode`](Self::decode) reads.
    const MIN_VERSION: u8;

    /// Encodes a frame at [`VERSION`](Self::VERSION).
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        self.encode_at(Self::VERSION)
    }

    /// Encodes a frame at `version`.
    fn encode_at(&self, version: u8) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        self.encode_into(version, &mut out)?;
        Ok(out)
    }

    /// Appends a frame at `version` to `out`.
    fn encode_into(&self, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Decodes one frame.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;
}
