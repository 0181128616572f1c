//! The trait [`Body`], and the visitors that read a body in any serde format.
//!
//! This file reads only versions from [`OLDEST_OWN`](Body::OLDEST_OWN) on. Older versions have the layout of the
//! `previous` type: see `previous.rs`.
//!
//! The derive implements [`Body`], which has the names of a type, of its variants and of its fields, and code that
//! writes and reads the fields. The visitors in this file call that code when a body is read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::ser::Serializer;

use super::fields::{MapFields, NoFields, SeqFields, index_of};
use crate::codec::error::CodecError;
use crate::codec::wire_message::WireMessage;

/// The layout of a type at the versions from [`OLDEST_OWN`](Self::OLDEST_OWN) on. Implemented by the derive.
///
/// A struct counts as an enum with one variant, whose index is 0.
pub trait Body: WireMessage {
    /// The oldest version of this layout. Older versions are read as the `previous` type, if there is one.
    const OLDEST_OWN: u8;
    /// The name of the newtype struct as which a message passes through serde. The codec starts to count its limits
    /// afresh at this newtype struct. The derive makes the name unique to the type, apart from type parameters.
    const BOUNDARY: &'static str;
    /// The name of the type, for formats that write names.
    const NAME: &'static str;
    /// The names of an enum's variants; `None` for a struct.
    const VARIANTS: Option<&'static [&'static str]>;
    /// For each variant, in order: the oldest version that has the variant. These versions never decrease along the
    /// list.
    const VARIANTS_SINCE: &'static [u8];
    /// The shape of each variant, in order.
    const SHAPES: &'static [Shape];

    /// Returns [`CodecError::NotRepresentable`] if the value holds something that `version` has no place for.
    fn ensure_representable(&self, version: u8) -> Result<(), CodecError>;

    /// Writes the body of `version`: the variant of an enum, and the fields that `version` has. Other fields are left
    /// out without a check, so [`ensure_representable`](Self::ensure_representable) must have accepted `version`.
    fn serialize_body<S: Serializer>(&self, version: u8, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the fields of a variant in order, and returns the value.
    fn from_seq<'de, A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>)
    -> Result<Self, A::Error>;

    /// Reads the fields of a variant by name, and returns the value. The derive overrides this method for a message
    /// with `#[wire(serde)]`. Other messages are read only from frames, which have no names.
    fn from_map<'de, A: MapAccess<'de>>(
        _variant: u32,
        _version: u8,
        _fields: &mut MapFields<A>,
    ) -> Result<Self, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Map, &"fields in their order"))
    }
}

/// The form of the fields of a struct or variant: how many fields there are, or their names, over all versions.
pub enum Shape {
    /// `Name`
    Unit,
    /// `Name(..)`, with this many fields.
    Tuple(usize),
    /// `Name { .. }`, with fields of these names.
    Named(&'static [&'static str]),
}

/// A body that can borrow from its input. Implemented by the derive for types with a lifetime.
pub trait BorrowedBody<'de>: Body {
    /// Reads fields like [`Body::from_seq`], but `Cow` fields borrow from the input.
    fn from_seq_borrowed<A: SeqAccess<'de>>(
        variant: u32,
        version: u8,
        fields: &mut SeqFields<A>,
    ) -> Result<Self, A::Error>;
}

/// How [`BodyVisitor`] reads fields in order. Implemented by [`Owned`], for values that own what they hold, and by
/// [`Borrowed`], for values whose `Cow` fields borrow from the input.
trait ReadBody<'de> {
    type Value: Body;

    fn from_seq<A: SeqAccess<'de>>(
        variant: u32,
        version: u8,
        fields: &mut SeqFields<A>,
    ) -> Result<Self::Value, A::Error>;
}

struct Owned<T>(PhantomData<T>);

impl<'de, T: Body> ReadBody<'de> for Owned<T> {
    type Value = T;

    #[inline]
    fn from_seq<A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>) -> Result<T, A::Error> {
        T::from_seq(variant, version, fields)
    }
}

struct Borrowed<T>(PhantomData<T>);

impl<'de, T: BorrowedBody<'de>> ReadBody<'de> for Borrowed<T> {
    type Value = T;

    #[inline]
    fn from_seq<A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>) -> Result<T, A::Error> {
        T::from_seq_borrowed(variant, version, fields)
    }
}

/// Reads a body of `version`, which must be a version of `T`'s own layout.
#[inline]
pub fn deserialize_body<'de, T: Body, D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<T, D::Error> {
    BodyVisitor::<Owned<T>>::read(version, deserializer)
}

/// Reads a body like [`deserialize_body`], but `Cow` fields borrow from the input.
#[inline]
pub(super) fn deserialize_borrowed_body<'de, T: BorrowedBody<'de>, D: Deserializer<'de>>(
    version: u8,
    deserializer: D,
) -> Result<T, D::Error> {
    BodyVisitor::<Borrowed<T>>::read(version, deserializer)
}

/// Visits an enum, or the fields of one variant.
struct BodyVisitor<R> {
    /// The index of the variant whose fields are visited. Unused while the enum itself is visited.
    variant: u32,
    version: u8,
    reader: PhantomData<R>,
}

impl<'de, R: ReadBody<'de>> BodyVisitor<R> {
    #[inline]
    fn new(variant: u32, version: u8) -> Self {
        Self {
            variant,
            version,
            reader: PhantomData,
        }
    }

    #[inline]
    fn read<D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<R::Value, D::Error> {
        let visitor = Self::new(0, version);
        let name = R::Value::NAME;
        match (R::Value::VARIANTS, R::Value::SHAPES) {
            (Some(variants), _) => deserializer.deserialize_enum(name, variants, visitor),
            (None, [Shape::Named(names)]) => deserializer.deserialize_struct(name, names, visitor),
            (None, [Shape::Tuple(len)]) => deserializer.deserialize_tuple_struct(name, *len, visitor),
            (None, _) => deserializer.deserialize_unit_struct(name, visitor),
        }
    }
}

impl<'de, R: ReadBody<'de>> Visitor<'de> for BodyVisitor<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at version {}", R::Value::NAME, self.version)
    }

    #[inline]
    fn visit_unit<E: serde::de::Error>(self) -> Result<R::Value, E> {
        R::from_seq(self.variant, self.version, &mut SeqFields::new(NoFields::new()))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<R::Value, A::Error> {
        R::from_seq(self.variant, self.version, &mut SeqFields::new(fields))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<R::Value, A::Error> {
        match R::Value::SHAPES.get(self.variant as usize) {
            Some(Shape::Named(names)) => {
                R::Value::from_map(self.variant, self.version, &mut MapFields::new(fields, names))
            }
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<R::Value, A::Error> {
        let version = self.version;
        let (index, fields) = data.variant_seed(VariantSeed::<R::Value> {
            version,
            message: PhantomData,
        })?;
        let variant = Self::new(index as u32, version);
        match R::Value::SHAPES.get(index) {
            Some(Shape::Named(names)) => fields.struct_variant(names, variant),
            Some(Shape::Tuple(len)) => fields.tuple_variant(*len, variant),
            _ => {
                fields.unit_variant()?;
                variant.visit_unit()
            }
        }
    }
}

/// Returns the message of the error for a variant that `version` does not have.
#[cold]
fn no_variant<T: Body>(index: u64, version: u8) -> String {
    format!("`{}` has no variant of index {index} at version {version}", T::NAME)
}

/// Returns the error of generated code for an index that the generated `match` does not list. `BodyVisitor` passes no
/// such index to generated code, but the `match` must be exhaustive.
#[cold]
pub fn unknown_variant<T: Body, E: serde::de::Error>(index: u32, version: u8) -> E {
    E::custom(no_variant::<T>(index.into(), version))
}

/// Reads which variant comes next, by its index or by its name, and returns its index.
struct VariantSeed<T> {
    version: u8,
    message: PhantomData<T>,
}

impl<T: Body> VariantSeed<T> {
    /// Returns the names of the variants that the version has. These names come first in the list, because newer
    /// variants follow older variants.
    #[inline]
    fn names(&self) -> &'static [&'static str] {
        let count = T::VARIANTS_SINCE.partition_point(|since| *since <= self.version);
        T::VARIANTS.unwrap_or_default().get(..count).unwrap_or_default()
    }
}

impl<'de, T: Body> DeserializeSeed<'de> for VariantSeed<T> {
    type Value = usize;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T: Body> Visitor<'_> for VariantSeed<T> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {:?}", self.names())
    }

    #[inline]
    fn visit_u64<E: serde::de::Error>(self, index: u64) -> Result<usize, E> {
        match usize::try_from(index) {
            Ok(known) if known < self.names().len() => Ok(known),
            _ => Err(E::custom(no_variant::<T>(index, self.version))),
        }
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        index_of(name, self.names())
    }
}
