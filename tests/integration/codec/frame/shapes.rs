//! Types of every shape, and any values of them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub id: u64,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuple(pub u8, pub i32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    Unit,
    Newtype(u32),
    Tuple(u8, String),
    Struct { named: Named, maybe: Option<Tuple> },
}

/// Bytes that serde serializes as bytes, not as a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum List {
    End,
    Node(Box<List>),
}

pub fn list(nodes: usize) -> List {
    (0..nodes).fold(List::End, |list, _| List::Node(Box::new(list)))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree(pub Vec<Tree>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Everything {
    pub signed: (i8, i16, i32, i64, i128),
    pub unsigned: (u8, u16, u32, u64, u128),
    pub text: (String, char, bool),
    pub floats: (f32, f64),
    pub bytes: Bytes,
    pub options: Option<Option<Unit>>,
    pub map: BTreeMap<String, Vec<i64>>,
    pub shapes: Vec<Shape>,
}

pub fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        any::<u32>().prop_map(Shape::Newtype),
        any::<(u8, String)>().prop_map(|(a, b)| Shape::Tuple(a, b)),
        any::<(u64, String, Option<(u8, i32)>)>().prop_map(|(id, name, maybe)| Shape::Struct {
            named: Named { id, name },
            maybe: maybe.map(|(a, b)| Tuple(a, b)),
        }),
    ]
}

pub fn everything() -> impl Strategy<Value = Everything> {
    (
        any::<(i8, i16, i32, i64, i128)>(),
        any::<(u8, u16, u32, u64, u128)>(),
        any::<(String, char, bool)>(),
        any::<(f32, f64)>(),
        any::<Vec<u8>>().prop_map(Bytes),
        any::<Option<Option<()>>>().prop_map(|options| options.map(|option| option.map(|()| Unit))),
        prop::collection::btree_map(any::<String>(), any::<Vec<i64>>(), 0..5),
        prop::collection::vec(shape(), 0..5),
    )
        .prop_map(
            |(signed, unsigned, text, floats, bytes, options, map, shapes)| Everything {
                signed,
                unsigned,
                text,
                floats,
                bytes,
                options,
                map,
                shapes,
            },
        )
}

/// Returns bytes as a fuzzer would find them: mostly small numbers and the markers of wide numbers.
pub fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0u8..8, 2 => 250u8..=255, 1 => any::<u8>()];
    prop::collection::vec(byte, 0..96)
}
