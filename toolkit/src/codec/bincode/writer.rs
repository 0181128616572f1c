use ::bincode::Encode;
use ::bincode::config::{Configuration, standard};
use ::bincode::enc::{Encoder, EncoderImpl};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::limits::Limits;
use super::primitives::Output;
use crate::codec::error::BodyError;

/// Writes the values of one body, one after the other.
///
/// `&mut BincodeWriter` is the serde serializer.
pub(in crate::codec) struct BincodeWriter<'o> {
    encoder: EncoderImpl<Output<'o>, Configuration>,
    limits: Limits,
}

impl<'o> BincodeWriter<'o> {
    #[inline]
    pub(in crate::codec) fn new(out: &'o mut Vec<u8>) -> Self {
        Self {
            encoder: EncoderImpl::new(Output(out), standard()),
            limits: Limits::default(),
        }
    }

    /// Returns the length of the output in bytes, including the bytes before the body.
    #[inline]
    fn written(&mut self) -> usize {
        self.encoder.writer().0.len()
    }

    #[inline]
    fn primitive<T: Encode + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        value.encode(&mut self.encoder).map_err(BodyError::from)
    }

    /// Writes the length of a sequence or map, and returns the writer of its elements.
    #[inline]
    fn elements(&mut self, len: Option<usize>) -> Result<Elements<'_, 'o>, BodyError> {
        let len = len.ok_or_else(|| {
            BodyError::message("a sequence or map must announce its length, which is written before its elements")
        })?;
        self.primitive(&len)?;
        self.limits.enter()?;
        let start = self.written();
        Ok(Elements {
            writer: self,
            announced: len,
            count: 0,
            start,
        })
    }

    /// Writes the index of a variant, and returns the writer of its fields.
    #[inline]
    fn variant_fields(&mut self, index: u32) -> Result<Fields<'_, 'o>, BodyError> {
        self.primitive(&index)?;
        self.limits.enter()?;
        Ok(Fields {
            writer: self,
            nested: true,
        })
    }
}

macro_rules! primitives {
    ($($serialize:ident($ty:ty),)*) => {$(
        #[inline]
        fn $serialize(self, value: $ty) -> Result<(), BodyError> {
            self.primitive(&value)
        }
    )*};
}

impl<'a, 'o> Serializer for &'a mut BincodeWriter<'o> {
    type Ok = ();
    type Error = BodyError;
    type SerializeSeq = Elements<'a, 'o>;
    type SerializeTuple = Fields<'a, 'o>;
    type SerializeTupleStruct = Fields<'a, 'o>;
    type SerializeTupleVariant = Fields<'a, 'o>;
    type SerializeMap = Elements<'a, 'o>;
    type SerializeStruct = Fields<'a, 'o>;
    type SerializeStructVariant = Fields<'a, 'o>;

    primitives! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
    }

    #[inline]
    fn serialize_none(self) -> Result<(), BodyError> {
        self.primitive(&0u8)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), BodyError> {
        self.primitive(&1u8)?;
        self.limits.enter()?;
        value.serialize(&mut *self)?;
        self.limits.leave();
        Ok(())
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), BodyError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), BodyError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), BodyError> {
        self.primitive(&index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), BodyError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), BodyError> {
        let mut fields = self.variant_fields(index)?;
        fields.field(value)?;
        fields.close();
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Elements<'a, 'o>, BodyError> {
        self.elements(len)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Fields<'a, 'o>, BodyError> {
        Ok(Fields {
            writer: self,
            nested: false,
        })
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Fields<'a, 'o>, BodyError> {
        Ok(Fields {
            writer: self,
            nested: false,
        })
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'a, 'o>, BodyError> {
        self.variant_fields(index)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Elements<'a, 'o>, BodyError> {
        self.elements(len)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a, 'o>, BodyError> {
        Ok(Fields {
            writer: self,
            nested: false,
        })
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'a, 'o>, BodyError> {
        self.variant_fields(index)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The fields of a tuple, struct or variant.
pub struct Fields<'a, 'o> {
    writer: &'a mut BincodeWriter<'o>,
    /// Whether the fields count towards the depth of nesting. The fields of a variant count. The fields of a tuple or
    /// struct do not, because a value that nests without end through tuples and structs alone cannot exist.
    nested: bool,
}

impl Fields<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn close(self) {
        if self.nested {
            self.writer.limits.leave();
        }
    }
}

macro_rules! fields {
    ($($Trait:ident::$serialize:ident($($key:ident)?),)*) => {$(
        impl $Trait for Fields<'_, '_> {
            type Ok = ();
            type Error = BodyError;

            #[inline]
            fn $serialize<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), BodyError> {
                $(let _ = $key;)?
                self.field(value)
            }

            #[inline]
            fn end(self) -> Result<(), BodyError> {
                self.close();
                Ok(())
            }
        }
    )*};
}

fields! {
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(key),
    SerializeStructVariant::serialize_field(key),
}

/// The elements of a sequence or the entries of a map.
pub struct Elements<'a, 'o> {
    writer: &'a mut BincodeWriter<'o>,
    /// The number of elements that the value's `Serialize` announced, which is already written.
    announced: usize,
    count: usize,
    /// The length of the output before the first element, in bytes.
    start: usize,
}

impl Elements<'_, '_> {
    #[inline]
    fn close(self) -> Result<(), BodyError> {
        if self.count != self.announced {
            // Refuse the value: a reader expects the announced number of elements, and would misread what follows.
            return Err(wrong_length());
        }
        // Check once, after the last element. Elements that can be read back are all of one type, so either all take
        // bytes or none does.
        if self.writer.written() == self.start {
            self.writer.limits.add_empty_elements(self.count)?;
        }
        self.writer.limits.leave();
        Ok(())
    }
}

#[cold]
fn wrong_length() -> BodyError {
    BodyError::message("the number of elements in a sequence or map is not the one that its `Serialize` announced")
}

impl SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = BodyError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        self.count += 1;
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), BodyError> {
        self.close()
    }
}

impl SerializeMap for Elements<'_, '_> {
    type Ok = ();
    type Error = BodyError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), BodyError> {
        self.count += 1;
        key.serialize(&mut *self.writer)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), BodyError> {
        self.close()
    }
}
