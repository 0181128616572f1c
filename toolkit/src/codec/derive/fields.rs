//! Reads fields in order or by name. Writes and reads a field of bytes as a whole. Compares a field with its default.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::diagnostics::Comparable;
use crate::codec::bincode;
use crate::codec::scope::outside_of_scopes;

/// Reads the fields of a variant in order.
pub struct SeqFields<A> {
    seq: A,
    /// How many fields have been read.
    read: usize,
}

impl<'de, A: SeqAccess<'de>> SeqFields<A> {
    #[inline]
    pub(super) fn new(seq: A) -> Self {
        Self { seq, read: 0 }
    }

    /// Reads the next field as a value that owns what it holds.
    #[inline]
    pub fn owned<T: for<'any> Deserialize<'any>>(&mut self) -> Result<T, A::Error> {
        self.next()
    }

    /// Reads the next field as a value that borrows from the input.
    #[inline]
    pub fn borrowed<'a, B: ?Sized + 'a, T: From<&'a B>>(&mut self) -> Result<T, A::Error>
    where
        'de: 'a,
        &'a B: Deserialize<'de>,
    {
        self.next::<&'a B>().map(T::from)
    }

    #[inline]
    fn next<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        match self.seq.next_element()? {
            Some(value) => {
                self.read += 1;
                Ok(value)
            }
            None => Err(A::Error::invalid_length(self.read, &"more fields")),
        }
    }
}

/// The empty list of fields of a unit struct or unit variant.
pub(super) struct NoFields<E>(PhantomData<E>);

impl<E> NoFields<E> {
    #[inline]
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, E: serde::de::Error> SeqAccess<'de> for NoFields<E> {
    type Error = E;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, E> {
        Ok(None)
    }
}

/// Reads the fields of a variant by name.
pub struct MapFields<A> {
    map: A,
    /// The names of the fields of all versions.
    names: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapFields<A> {
    pub(super) fn new(map: A, names: &'static [&'static str]) -> Self {
        Self { map, names }
    }

    /// Reads the name of the next field, and returns the index of the field. Returns `None` if there is no further
    /// field.
    pub fn next_name(&mut self) -> Result<Option<usize>, A::Error> {
        self.map.next_key_seed(FieldSeed(self.names))
    }

    /// Reads the value of the field whose name was read last, into `field`. Fails if `field` has a value already.
    pub fn value<T: for<'any> Deserialize<'any>>(
        &mut self,
        index: usize,
        field: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if field.is_some() {
            return Err(A::Error::duplicate_field(self.name(index)));
        }
        *field = Some(self.map.next_value()?);
        Ok(())
    }

    /// Skips the value of the field whose name was read last.
    pub fn skip(&mut self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>()?;
        Ok(())
    }

    /// Returns the value of a field that the version has. Fails if the input lacks the field.
    pub fn present<T>(&self, index: usize, field: Option<T>) -> Result<T, A::Error> {
        field.ok_or_else(|| A::Error::missing_field(self.name(index)))
    }

    /// Returns the default of a field that the version does not have. Fails if the input has the field.
    pub fn absent<T>(&self, index: usize, field: Option<T>, default: impl FnOnce() -> T) -> Result<T, A::Error> {
        match field {
            Some(_) => Err(A::Error::custom(format_args!(
                "field `{}` is newer than the version",
                self.name(index)
            ))),
            None => Ok(default()),
        }
    }

    fn name(&self, index: usize) -> &'static str {
        self.names.get(index).copied().unwrap_or_default()
    }
}

/// Reads the name of a field, and returns its index among the names of all versions.
struct FieldSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = usize;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldSeed {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {:?}", self.0)
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        index_of(name, self.0)
    }
}

/// Returns the index of `name` among `names`.
#[inline]
pub(super) fn index_of<E: serde::de::Error>(name: &str, names: &[&str]) -> Result<usize, E> {
    let known = names.iter().position(|known| *known == name);
    known.ok_or_else(|| E::custom(format_args!("unknown name `{name}`, expected one of {names:?}")))
}

/// Returns whether a version that lacks a field may leave out the field: it equals its default, and has the same bytes.
///
/// Equality alone is not enough: `-0.0` equals `0.0`, and a `PartialEq` that is written by hand may ignore part of the
/// value.
pub fn is_default<T: Comparable + Serialize>(field: &T, default: T) -> bool {
    let bytes_of = |value: &T| {
        let mut bytes = Vec::new();
        bincode::encode_into(value, &mut bytes).map(|()| bytes)
    };
    let same_bytes = || matches!((bytes_of(field), bytes_of(&default)), (Ok(field), Ok(default)) if field == default);
    *field == default && outside_of_scopes(same_bytes)
}

/// A field of bytes that is written and read as a whole.
///
/// Serde would write and read such a field byte by byte, like any sequence. In bincode, both ways write the same bytes.
pub struct Bytes<T>(pub T);

/// A type that the derive treats as bytes. Implemented by `Vec<u8>`, `Box<[u8]>` and `Cow<'_, [u8]>`.
///
/// The derive sees only the tokens of a field's type. The error below appears if a type of the user has one of these
/// names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the standard library that it looks like",
    label = "the derive takes this for bytes",
    note = "give the type another name, as in `type Other = {Self};`"
)]
pub trait ByteField {
    /// Returns the bytes to write.
    fn as_bytes(&self) -> &[u8];
    /// Creates the field from the bytes that were read.
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

    // Some formats, such as JSON, write bytes as a sequence of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, bytes: A) -> Result<Vec<u8>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(bytes))
    }
}
