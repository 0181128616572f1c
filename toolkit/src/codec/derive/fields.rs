use std::borrow::Cow;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A field of bytes, which is written and read as a whole. Serde would go through it byte by byte, as
/// through any sequence; in bincode both look the same.
pub struct Bytes<T>(pub T);

/// What the derive takes for a field of bytes, as it is written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the standard library that it looks like",
    label = "taken for a field of bytes",
    note = "write it under another name, as in `type Other = {Self};`"
)]
pub trait ByteField {
    /// What is written.
    fn as_bytes(&self) -> &[u8];
    /// What was read.
    fn from_bytes(bytes: Vec<u8>) -> Self;
}

impl ByteField for Vec<u8> {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn from_bytes(bytes: Vec<u8>) -> Self {
        bytes
    }
}

impl ByteField for Box<[u8]> {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn from_bytes(bytes: Vec<u8>) -> Self {
        bytes.into()
    }
}

impl ByteField for Cow<'_, [u8]> {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn from_bytes(bytes: Vec<u8>) -> Self {
        bytes.into()
    }
}

impl<T: ByteField> Serialize for Bytes<&T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

impl<'de, T: ByteField> Deserialize<'de> for Bytes<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(BytesVisitor)?;
        Ok(Self(T::from_bytes(bytes)))
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    #[inline]
    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    #[inline]
    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    /// Formats for people have no bytes.
    fn visit_seq<A: SeqAccess<'de>>(self, bytes: A) -> Result<Vec<u8>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(bytes))
    }
}
