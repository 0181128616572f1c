use ::bincode::config::{Configuration, standard};
use ::bincode::de::{BorrowDecode, Decode, Decoder, DecoderImpl};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::limits::{Limits, PAYLOAD};
use super::primitives::Input;
use super::stack::with_stack;
use crate::codec::error::{BodyError, CodecError};

/// After how many structs and tuples right inside each other the reader checks how much stack is left. Every container
/// is a check as well.
const STRUCTS_PER_CHECK: u32 = 4;

/// Reads the values of one body, one after the other.
///
/// `&mut BincodeReader` is the serde deserializer.
pub(in crate::codec) struct BincodeReader<'de> {
    decoder: DecoderImpl<Input<'de>, Configuration, ()>,
    limits: Limits,
    /// Whether the enum whose variant is read next is openraft's payload of an entry.
    payload: bool,
    /// How many more elements the size hints of sequences and maps in this body may promise.
    ///
    /// A visitor may reserve memory for as many elements as a size hint promises. The size hints of all sequences and
    /// maps in a body together promise at most one element per byte of the body. So the size of the input bounds the
    /// number of elements for which visitors reserve memory, whatever lengths the input claims.
    promisable: usize,
}

impl<'de> BincodeReader<'de> {
    /// Creates a reader of a body that may hold messages, but is not one.
    #[inline]
    pub(in crate::codec) fn new(body: &'de [u8]) -> Self {
        Self::with_limits(body, Limits::outside())
    }

    /// Creates a reader of the body of the message with this [name](super::super::derive::Body::BOUNDARY).
    #[inline]
    pub(in crate::codec) fn of_message(body: &'de [u8], name: &'static str) -> Self {
        Self::with_limits(body, Limits::of_message(name))
    }

    #[inline]
    fn with_limits(body: &'de [u8], limits: Limits) -> Self {
        Self {
            decoder: DecoderImpl::new(Input(body), standard(), ()),
            limits,
            payload: false,
            promisable: body.len(),
        }
    }

    /// Returns an error if bytes follow the last value.
    #[inline]
    pub(in crate::codec) fn finish(mut self) -> Result<(), CodecError> {
        match self.remaining() {
            0 => Ok(()),
            extra => Err(CodecError::TrailingBytes { extra }),
        }
    }

    #[inline]
    fn remaining(&mut self) -> usize {
        self.decoder.reader().0.len()
    }

    #[inline]
    fn primitive<T: Decode<()>>(&mut self) -> Result<T, BodyError> {
        T::decode(&mut self.decoder).map_err(BodyError::from)
    }

    /// Calls `visit`, which reads the contents of a container, and counts the container as open meanwhile.
    #[inline]
    fn nested<T>(&mut self, visit: impl FnOnce(&mut Self) -> Result<T, BodyError>) -> Result<T, BodyError> {
        let entered = self.limits.enter()?;
        let value = with_stack(|| visit(self))?;
        self.limits.leave(entered);
        Ok(value)
    }

    /// Calls `visit`, which reads the fields of a struct or tuple, and counts the struct or tuple as open meanwhile.
    #[inline]
    fn flat<T>(&mut self, visit: impl FnOnce(&mut Self) -> Result<T, BodyError>) -> Result<T, BodyError> {
        let structs = self.limits.enter_struct()?;
        // Few types have many structs right inside each other. Save the others the check.
        let value = if structs.is_multiple_of(STRUCTS_PER_CHECK) {
            with_stack(|| visit(self))
        } else {
            visit(self)
        }?;
        self.limits.leave_struct();
        Ok(value)
    }

    /// Reads the length of a sequence or map, and returns access to its elements.
    #[inline]
    fn elements(&mut self) -> Result<Elements<'_, 'de>, BodyError> {
        let left = self.primitive()?;
        let promised = self.promisable.min(left);
        self.promisable -= promised;
        Ok(Elements {
            reader: self,
            left,
            promised,
            remaining_before: 0,
        })
    }
}

macro_rules! primitives {
    ($($deserialize:ident => $visit:ident,)*) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
            visitor.$visit(self.primitive()?)
        }
    )*};
}

macro_rules! not_self_describing {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, _: V) -> Result<V::Value, BodyError> {
            Err(BodyError::message(concat!(
                "the type asks the format which type comes next (",
                stringify!($deserialize),
                "), which the format does not say",
            )))
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut BincodeReader<'de> {
    type Error = BodyError;

    primitives! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
        deserialize_f32 => visit_f32,
        deserialize_f64 => visit_f64,
        deserialize_char => visit_char,
    }

    not_self_describing! { deserialize_any deserialize_identifier deserialize_ignored_any }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_borrowed_str(<&str>::borrow_decode(&mut self.decoder)?)
    }

    // Borrow the bytes, and let the visitor copy them. A length beyond the input then fails before anything is
    // allocated.
    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_borrowed_bytes(<&[u8]>::borrow_decode(&mut self.decoder)?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        match self.primitive::<u8>()? {
            0 => visitor.visit_none(),
            1 => self.nested(|reader| visitor.visit_some(reader)),
            byte => Err(BodyError::message(format_args!(
                "expected 0 or 1 for an option, found {byte}"
            ))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        let outer = self.limits.enter_message(name);
        let value = self.flat(|reader| visitor.visit_newtype_struct(reader))?;
        self.limits.leave_boundary(outer);
        Ok(value)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        self.nested(|reader| visitor.visit_seq(reader.elements()?))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, BodyError> {
        self.flat(|reader| visitor.visit_seq(Fields { reader, left: len }))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        self.nested(|reader| visitor.visit_map(reader.elements()?))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        self.payload = name == PAYLOAD;
        visitor.visit_enum(self)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de> EnumAccess<'de> for &mut BincodeReader<'de> {
    type Error = BodyError;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), BodyError> {
        let index: u32 = self.primitive()?;
        Ok((
            seed.deserialize(IntoDeserializer::<BodyError>::into_deserializer(index))?,
            self,
        ))
    }
}

impl<'de> VariantAccess<'de> for &mut BincodeReader<'de> {
    type Error = BodyError;

    #[inline]
    fn unit_variant(self) -> Result<(), BodyError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, BodyError> {
        let is_payload = self.payload;
        self.nested(|reader| {
            let outer = if is_payload {
                reader.limits.enter_payload()
            } else {
                None
            };
            let value = seed.deserialize(&mut *reader)?;
            reader.limits.leave_boundary(outer);
            Ok(value)
        })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, BodyError> {
        self.nested(|reader| reader.deserialize_tuple(len, visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BodyError> {
        self.tuple_variant(fields.len(), visitor)
    }
}

/// The fields of a tuple, struct or variant. The type determines the number of fields.
struct Fields<'a, 'de> {
    reader: &'a mut BincodeReader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = BodyError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BodyError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The elements of a sequence or the entries of a map. The input states the number of elements.
struct Elements<'a, 'de> {
    reader: &'a mut BincodeReader<'de>,
    left: usize,
    /// The size hint: at most `left`. Its initial value was subtracted from [`BincodeReader::promisable`], which bounds
    /// the sum of all size hints in the body.
    promised: usize,
    /// How many bytes remained before the current element, or before the key of the current entry.
    remaining_before: usize,
}

impl Elements<'_, '_> {
    /// Starts the next element. Returns `false` if there is none.
    #[inline]
    fn begin(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.promised = self.promised.saturating_sub(1);
        self.remaining_before = self.reader.remaining();
        true
    }

    #[inline]
    fn end(&mut self) -> Result<(), BodyError> {
        if self.reader.remaining() == self.remaining_before {
            self.reader.limits.add_empty_elements(1)?;
        }
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = BodyError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BodyError> {
        if !self.begin() {
            return Ok(None);
        }
        let element = seed.deserialize(&mut *self.reader)?;
        self.end()?;
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.promised)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = BodyError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BodyError> {
        if !self.begin() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BodyError> {
        let value = seed.deserialize(&mut *self.reader)?;
        self.end()?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.promised)
    }
}
