//! The serde form of a message with `#[wire(serde)]`: its version and its body as one serde value.
//!
//! In a binary format, the serde form is the pair `(version, body)`; in bincode, its bytes are those of the frame. The
//! pair is inside a newtype struct, which adds no bytes: its name tells the bincode of this crate that a message
//! starts. In a human-readable format, the serde form is the map `{"v3": body}`. Messages are written at their newest
//! version. In a [`WriteVersion::scope`](crate::codec::WriteVersion::scope), they are written at the version that
//! `serde_version` chooses for the level of the scope.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeTuple, Serializer};

use super::body::{Body, deserialize_body};
use crate::codec::error::CodecError;
use crate::codec::frame::ensure_supported;
use crate::codec::scope::{remember_refusal, serde_version};

/// A message with `#[wire(serde)]`, whose `Serialize` and `Deserialize` carry its version.
///
/// The methods of [`Body`] accept only the versions of the type's own layout. For a type with `previous`, the derive
/// overrides `deserialize_at`, so that it also accepts the versions of the previous type. With `downgrade`, the derive
/// overrides the other items likewise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no serde form that carries its version",
    label = "does not have `#[wire(serde)]`",
    note = "add `serde` to the `#[wire(..)]` of `{Self}`, because a message with `serde` needs it on its `previous` type as well"
)]
pub trait SerdeForm: Body {
    /// Returns [`CodecError::NotRepresentable`] if the value holds something that `version` has no place for, or if a
    /// `downgrade` refuses the value.
    fn ensure_writable_at(&self, version: u8) -> Result<(), CodecError> {
        self.ensure_representable(version)
    }

    /// Writes a body of `version`.
    fn serialize_at<S: Serializer>(&self, version: u8, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_body(version, serializer)
    }

    /// Reads a body of `version`.
    fn deserialize_at<'de, D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<Self, D::Error> {
        deserialize_body(version, deserializer)
    }
}

/// Implements `Serialize` for a message with `#[wire(serde)]`.
#[inline]
pub fn serialize_message<T: SerdeForm, S: Serializer>(message: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let version = serde_version(T::OLDEST_WRITABLE, T::VERSION, |version| {
        message.ensure_writable_at(version)
    })
    .map_err(|error| {
        let text = named::<T>(&error);
        remember_refusal(error);
        S::Error::custom(text)
    })?;
    let body = AtVersion { message, version };
    if serializer.is_human_readable() {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&format_args!("v{version}"), &body)?;
        map.end()
    } else {
        serializer.serialize_newtype_struct(T::BOUNDARY, &Pair(body))
    }
}

/// The version and the body, one after the other.
struct Pair<'a, T>(AtVersion<'a, T>);

impl<T: SerdeForm> Serialize for Pair<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&self.0.version)?;
        pair.serialize_element(&self.0)?;
        pair.end()
    }
}

/// Returns the text of `error`, preceded by the name of the type unless the text has the name already. The name tells
/// which message failed, because the message may be deep inside another value.
#[cold]
fn named<T: Body>(error: &CodecError) -> String {
    match error {
        CodecError::NotRepresentable { .. } => error.to_string(),
        _ => format!("`{}`: {error}", T::NAME),
    }
}

/// The body of a message at a version.
struct AtVersion<'a, T> {
    message: &'a T,
    version: u8,
}

impl<T: SerdeForm> Serialize for AtVersion<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message.serialize_at(self.version, serializer)
    }
}

/// Implements `Deserialize` for a message with `#[wire(serde)]`.
#[inline]
pub fn deserialize_message<'de, T: SerdeForm, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let visitor = MessageVisitor(PhantomData);
    if deserializer.is_human_readable() {
        // Accept the pair as well as the map. If the message is inside a type with `untagged` or internal tags, serde
        // buffers the value first, and the buffer claims to be human-readable even if the format is binary.
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_newtype_struct(T::BOUNDARY, visitor)
    }
}

struct MessageVisitor<T>(PhantomData<T>);

impl<'de, T: SerdeForm> Visitor<'de> for MessageVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with its version", T::NAME)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut frame: A) -> Result<T, A::Error> {
        let version = frame.next_element()?;
        let version = version.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let body = frame.next_element_seed(BodySeed::new(version)?)?;
        body.ok_or_else(|| A::Error::invalid_length(1, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let version = key.strip_prefix('v').and_then(|version| version.parse().ok());
        let version = version.filter(|version| key == format!("v{version}"));
        let version =
            version.ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&key), &"a version such as `v1`"))?;
        let message = map.next_value_seed(BodySeed::new(version)?)?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(message),
            Some(_) => Err(A::Error::invalid_length(2, &self)),
        }
    }
}

/// Reads a body of a version that the type supports.
struct BodySeed<T> {
    version: u8,
    message: PhantomData<T>,
}

impl<T: SerdeForm> BodySeed<T> {
    fn new<E: serde::de::Error>(version: u8) -> Result<Self, E> {
        ensure_supported(T::MIN_VERSION, T::VERSION, version).map_err(|error| E::custom(named::<T>(&error)))?;
        Ok(Self {
            version,
            message: PhantomData,
        })
    }
}

impl<'de, T: SerdeForm> DeserializeSeed<'de> for BodySeed<T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize_at(self.version, deserializer)
    }
}
