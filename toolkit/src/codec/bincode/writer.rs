use ::bincode::Encode;
use ::bincode::config::{Configuration, standard};
use ::bincode::enc::{Encoder, EncoderImpl};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::limits::{Entered, Limits, PAYLOAD};
use super::primitives::Output;
use super::stack::with_stack;
use crate::codec::error::BodyError;

/// The depth from which the writer checks how much stack is left.
const UNCHECKED_DEPTH: u32 = 8;

/// Writes the values of one body, one after the other.
///
/// `&mut BincodeWriter` is the serde serializer.
pub(in crate::codec) struct BincodeWriter<'o> {
    encoder: EncoderImpl<Output<'o>, Configuration>,
    limits: Limits,
}

impl<'o> BincodeWriter<'o> {
    /// Creates a writer of a body that may hold messages, but is not one.
    #[inline]
    pub(in crate::codec) fn new(out: &'o mut Vec<u8>) -> Self {
        Self::with_limits(out, Limits::outside())
    }

    /// Creates a writer of the body of the message with this [name](super::super::derive::Body::BOUNDARY).
    #[inline]
    pub(in crate::codec) fn of_message(out: &'o mut Vec<u8>, name: &'static str) -> Self {
        Self::with_limits(out, Limits::of_message(name))
    }

    #[inline]
    fn with_limits(out: &'o mut Vec<u8>, limits: Limits) -> Self {
        Self {
            encoder: EncoderImpl::new(Output(out), standard()),
            limits,
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

    /// Writes a value that may hold other values.
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        // Writing passes references, so that it takes little stack at each level. Check only where it adds up.
        if self.limits.depth() < UNCHECKED_DEPTH {
            value.serialize(self)
        } else {
            with_stack(|| value.serialize(self))
        }
    }

    /// Writes the length of a sequence or map, and returns the writer of its elements.
    #[inline]
    fn elements(&mut self, len: Option<usize>) -> Result<Elements<'_, 'o>, BodyError> {
        let len = len.ok_or_else(|| {
            BodyError::message("a sequence or map must announce its length, which is written before its elements")
        })?;
        self.primitive(&len)?;
        let entered = self.limits.enter()?;
        let start = self.written();
        Ok(Elements {
            writer: self,
            entered,
            announced: len,
            count: 0,
            start,
        })
    }

    /// Writes the index of a variant, and returns the writer of its fields.
    #[inline]
    fn variant_fields(&mut self, index: u32) -> Result<Fields<'_, 'o>, BodyError> {
        self.primitive(&index)?;
        let entered = Some(self.limits.enter()?);
        Ok(Fields { writer: self, entered })
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
        let entered = self.limits.enter()?;
        self.value(value)?;
        self.limits.leave(entered);
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
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), BodyError> {
        let outer = self.limits.enter_message(name);
        self.value(value)?;
        self.limits.leave_boundary(outer);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), BodyError> {
        self.primitive(&index)?;
        let entered = self.limits.enter()?;
        let outer = if name == PAYLOAD {
            self.limits.enter_payload()
        } else {
            None
        };
        self.value(value)?;
        self.limits.leave_boundary(outer);
        self.limits.leave(entered);
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
            entered: None,
        })
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Fields<'a, 'o>, BodyError> {
        Ok(Fields {
            writer: self,
            entered: None,
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
            entered: None,
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
    /// The fields of a variant are a container. The fields of a tuple or struct are not, because a value that nests
    /// without end through tuples and structs alone cannot exist.
    entered: Option<Entered>,
}

impl Fields<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        self.writer.value(value)
    }

    #[inline]
    fn close(self) {
        if let Some(entered) = self.entered {
            self.writer.limits.leave(entered);
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

            $(#[cold]
            fn skip_field(&mut self, $key: &'static str) -> Result<(), BodyError> {
                Err(left_out($key))
            })?

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

/// Returns the error for a field that `skip_serializing_if` leaves out. Decoding would read the next field in its
/// place.
#[cold]
fn left_out(field: &str) -> BodyError {
    BodyError::message(format_args!(
        "the field `{field}` is left out, as with serde's `skip_serializing_if`, and the format cannot say so"
    ))
}

/// The elements of a sequence or the entries of a map.
pub struct Elements<'a, 'o> {
    writer: &'a mut BincodeWriter<'o>,
    entered: Entered,
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
        self.writer.limits.leave(self.entered);
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
        self.writer.value(value)
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
        self.writer.value(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BodyError> {
        self.writer.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), BodyError> {
        self.close()
    }
}
