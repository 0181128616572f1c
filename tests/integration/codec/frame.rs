//! `codec::encode` and `codec::decode`: the bytes of a frame, and what hostile ones can do.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::mem::size_of;

use openraft_toolkit::{CodecError, decode, encode};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::counting_allocator::peak_of;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Named {
    id: u64,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tuple(u8, i32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(u32),
    Tuple(u8, String),
    Struct { named: Named, maybe: Option<Tuple> },
}

/// Bytes that serde sees as bytes, not as a sequence.
#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

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
enum List {
    End,
    Node(Box<List>),
}

fn list(nodes: usize) -> List {
    (0..nodes).fold(List::End, |list, _| List::Node(Box::new(list)))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[track_caller]
fn assert_golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(version: u8, value: T, frame: &[u8]) {
    assert_eq!(encode(version, &value).unwrap(), frame, "encode {value:?}");
    assert_eq!(decode::<T>(version, frame).unwrap(), value, "decode {frame:?}");
}

#[test]
fn golden_frames_of_every_shape() {
    assert_golden(
        1,
        Named {
            id: 7,
            name: "ab".to_owned(),
        },
        &[1, 7, 2, b'a', b'b'],
    );
    assert_golden(2, Tuple(250, -1), &[2, 250, 1]);
    assert_golden(255, Unit, &[255]);
    assert_golden(0, (), &[0]);
    assert_golden(1, Shape::Unit, &[1, 0]);
    assert_golden(1, Shape::Newtype(300), &[1, 1, 251, 0x2c, 0x01]);
    assert_golden(1, Shape::Tuple(9, "x".to_owned()), &[1, 2, 9, 1, b'x']);
    assert_golden(
        1,
        Shape::Struct {
            named: Named {
                id: 1,
                name: String::new(),
            },
            maybe: Some(Tuple(0, 1)),
        },
        &[1, 3, 1, 0, 1, 0, 2],
    );
    assert_golden(1, vec![Shape::Unit, Shape::Newtype(1)], &[1, 2, 0, 1, 1]);
    assert_golden(
        1,
        BTreeMap::from([(1u8, Some('é')), (2, None)]),
        &[1, 2, 1, 1, 0xc3, 0xa9, 2, 0],
    );
    assert_golden(1, Bytes(vec![0, 255]), &[1, 2, 0, 255]);
    assert_golden(1, [Tuple(1, 0), Tuple(2, 0)], &[1, 1, 0, 2, 0]);
}

#[test]
fn golden_frames_of_numbers_at_each_width() {
    assert_golden(1, 250u64, &[1, 250]);
    assert_golden(1, 251u64, &[1, 251, 251, 0]);
    assert_golden(1, 0x1_0000u64, &[1, 252, 0, 0, 1, 0]);
    assert_golden(1, u64::MAX, &[1, 253, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert_golden(1, i64::MIN, &[1, 253, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert_golden(
        1,
        u128::from(u64::MAX) + 1,
        &[1, 254, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    );
    assert_golden(1, (1.5f32, -2.0f64), &[1, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
    assert_golden(1, (true, false), &[1, 1, 0]);
}

#[test]
fn a_frame_is_refused_when_it_is_not_exactly_one_value_of_that_version() {
    assert!(matches!(decode::<u32>(1, &[]), Err(CodecError::Empty)));
    assert!(matches!(
        decode::<u32>(1, &[2, 7]),
        Err(CodecError::Version { expected: 1, actual: 2 })
    ));
    // The version is looked at before the body.
    assert!(matches!(
        decode::<u32>(1, &[2]),
        Err(CodecError::Version { expected: 1, actual: 2 })
    ));
    assert!(matches!(decode::<u32>(1, &[1]), Err(CodecError::Decode(_))));
    assert!(matches!(
        decode::<u32>(1, &[1, 7, 0, 0]),
        Err(CodecError::TrailingBytes { extra: 2 })
    ));
    assert!(matches!(
        decode::<()>(1, &[1, 0]),
        Err(CodecError::TrailingBytes { extra: 1 })
    ));
}

#[test]
fn errors_say_what_is_wrong_with_the_body() {
    fn reason<T: DeserializeOwned>(frame: &[u8]) -> String {
        match decode::<T>(1, frame) {
            Err(error @ CodecError::Decode(_)) => std::error::Error::source(&error).unwrap().to_string(),
            other => panic!("{:?}", other.map(drop)),
        }
    }

    assert_eq!(
        reason::<String>(&[1, 3, b'a']),
        "unexpected end, at least 2 more bytes expected"
    );
    assert_eq!(reason::<bool>(&[1, 2]), "expected 0 or 1 for a bool, found 2");
    assert_eq!(reason::<Option<u8>>(&[1, 7]), "expected 0 or 1 for an option, found 7");
    assert_eq!(reason::<char>(&[1, 0xff]), "invalid UTF-8 in a char");
    assert!(reason::<String>(&[1, 1, 0xff]).starts_with("invalid UTF-8 in a string: "));
    assert!(reason::<Shape>(&[1, 4]).contains("variant index 0 <= i < 4"));
    assert!(reason::<u16>(&[1, 253, 0, 0, 0, 0, 0, 0, 0, 0]).starts_with("expected an integer of type U16"));
}

#[test]
fn what_cannot_be_decoded_is_not_encoded() {
    // 128 levels are read back, one more is not written; the last unit variant is not a level.
    let deepest = encode(1, &list(128)).unwrap();
    assert_eq!(decode::<List>(1, &deepest).unwrap(), list(128));
    assert!(matches!(encode(1, &list(129)), Err(CodecError::Encode(_))));

    let most = encode(1, &vec![(); 4096]).unwrap();
    assert_eq!(decode::<Vec<()>>(1, &most).unwrap().len(), 4096);
    assert!(matches!(encode(1, &vec![(); 4097]), Err(CodecError::Encode(_))));
    // The limit is on all of them together.
    assert!(encode(1, &(vec![(); 4096], vec![(); 0])).is_ok());
    assert!(matches!(
        encode(1, &(vec![(); 4096], vec![(); 1])),
        Err(CodecError::Encode(_))
    ));

    // A length that `Serialize` announces wrongly would be misread.
    struct Liar(usize);
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(Some(self.0))?;
            seq.serialize_element(&1u8)?;
            seq.end()
        }
    }
    assert!(encode(1, &Liar(1)).is_ok());
    assert!(matches!(encode(1, &Liar(0)), Err(CodecError::Encode(_))));
    assert!(matches!(encode(1, &Liar(2)), Err(CodecError::Encode(_))));
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    for depth in [129, 1_000, 1_000_000] {
        let mut frame = vec![1; depth + 1];
        frame.push(0);
        assert!(
            matches!(decode::<List>(1, &frame), Err(CodecError::Decode(_))),
            "List, {depth} deep"
        );
        assert!(
            matches!(decode::<Tree>(1, &frame), Err(CodecError::Decode(_))),
            "Tree, {depth} deep"
        );
    }
}

#[test]
fn elements_that_take_no_bytes_do_not_loop_for_as_long_as_a_length_says() {
    for count in [4097u64, 1 << 32, 1 << 60, u64::MAX] {
        let frame = encode(1, &count).unwrap();
        assert!(
            matches!(decode::<Vec<()>>(1, &frame), Err(CodecError::Decode(_))),
            "{count}"
        );
        assert!(
            matches!(decode::<HashMap<(), ()>>(1, &frame), Err(CodecError::Decode(_))),
            "{count}"
        );
    }
}

/// Decodes `frame` as `T`, whose elements have at most `element` bytes of memory, and bounds what
/// that allocates: a vector may be twice as long as what is in it, and is copied as it grows.
fn assert_bounded<T: DeserializeOwned>(element: usize, frame: &[u8]) {
    let (result, peak) = peak_of(|| decode::<T>(1, frame).map(drop));
    // What any error message, hash map or tree node takes at least.
    let least = 1024;
    let bound = 4 * element * frame.len() + least;
    assert!(
        peak <= bound,
        "{} of {} bytes allocated {peak}, more than {bound} ({result:?})",
        std::any::type_name::<T>(),
        frame.len(),
    );
}

fn assert_bounded_for_every_type(frame: &[u8]) {
    assert_bounded::<String>(1, frame);
    assert_bounded::<Bytes>(1, frame);
    assert_bounded::<Box<str>>(1, frame);
    assert_bounded::<Vec<u8>>(1, frame);
    assert_bounded::<Vec<u64>>(size_of::<u64>(), frame);
    assert_bounded::<Vec<[u64; 16]>>(size_of::<[u64; 16]>(), frame);
    assert_bounded::<Vec<String>>(size_of::<String>(), frame);
    assert_bounded::<Vec<Vec<Vec<u64>>>>(size_of::<Vec<u64>>(), frame);
    assert_bounded::<Vec<()>>(1, frame);
    assert_bounded::<HashMap<u64, u64>>(4 * size_of::<(u64, u64)>(), frame);
    assert_bounded::<BTreeMap<u64, String>>(2 * size_of::<(u64, String)>(), frame);
    assert_bounded::<Shape>(size_of::<Shape>(), frame);
    assert_bounded::<Vec<Shape>>(size_of::<Shape>(), frame);
    assert_bounded::<(String, Vec<u32>, Option<Bytes>)>(size_of::<u32>(), frame);
    assert_bounded::<List>(size_of::<List>(), frame);
    assert_bounded::<Tree>(size_of::<Tree>(), frame);
}

#[test]
fn a_length_of_2_to_the_60_allocates_nothing() {
    let huge = encode(1, &(1u64 << 60)).unwrap();
    assert_bounded_for_every_type(&huge);
    // At any depth, and again and again.
    for ones in 0..40 {
        let mut frame = vec![1; ones + 1];
        frame.extend(huge[1..].repeat(3));
        assert_bounded_for_every_type(&frame);
    }
}

#[test]
fn a_length_at_each_level_allocates_for_one_level() {
    // Each level claims as many elements as there are bytes in all: 128 levels of 24 bytes each.
    let len = 64 * 1024;
    let mut frame = vec![1];
    while frame.len() < len {
        frame.extend([252]);
        frame.extend((len as u32).to_le_bytes());
    }
    assert_bounded_for_every_type(&frame);
}

#[test]
fn a_message_that_fills_memory_honestly_is_decoded() {
    let value: Vec<Vec<u64>> = (0..1000).map(|i| vec![i; 100]).collect();
    let frame = encode(1, &value).unwrap();
    assert_eq!(decode::<Vec<Vec<u64>>>(1, &frame).unwrap(), value);
    assert_bounded::<Vec<Vec<u64>>>(size_of::<Vec<u64>>(), &frame);
}

/// Bytes as a fuzzer would find them: mostly small numbers and the markers of wide ones.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0u8..8, 2 => 250u8..=255, 1 => any::<u8>()];
    prop::collection::vec(byte, 0..96)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    signed: (i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u64, u128),
    text: (String, char, bool),
    floats: (f32, f64),
    bytes: Bytes,
    options: Option<Option<Unit>>,
    map: BTreeMap<String, Vec<i64>>,
    shapes: Vec<Shape>,
}

fn shape() -> impl Strategy<Value = Shape> {
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

fn everything() -> impl Strategy<Value = Everything> {
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

/// What bincode itself makes of a body; its limit stands in for its missing checks.
fn plain_bincode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let config = bincode::config::standard().with_limit::<65536>();
    let (value, read) = bincode::serde::decode_from_slice(body, config).ok()?;
    (read == body.len()).then_some(value)
}

fn assert_same_as_bincode<T: DeserializeOwned + PartialEq + Debug>(body: &[u8]) {
    let frame = [&[1], body].concat();
    assert_eq!(decode::<T>(1, &frame).ok(), plain_bincode::<T>(body), "{body:?}");
}

proptest! {
    #[test]
    fn a_body_is_what_bincode_writes_and_reads(value in everything()) {
        let frame = encode(9, &value).unwrap();
        let plain = bincode::serde::encode_to_vec(&value, bincode::config::standard()).unwrap();
        prop_assert_eq!(frame[0], 9);
        prop_assert_eq!(&frame[1..], &plain);
        prop_assert_eq!(decode::<Everything>(9, &frame).unwrap(), value.clone());
        prop_assert_eq!(plain_bincode::<Everything>(&plain).unwrap(), value);
    }

    #[test]
    fn bytes_are_accepted_exactly_where_bincode_accepts_them(body in hostile_bytes()) {
        assert_same_as_bincode::<(u8, u16, u32, u64, u128)>(&body);
        assert_same_as_bincode::<(i8, i16, i32, i64, i128)>(&body);
        assert_same_as_bincode::<(bool, char, Option<u16>)>(&body);
        assert_same_as_bincode::<(String, Bytes)>(&body);
        assert_same_as_bincode::<Vec<u64>>(&body);
        assert_same_as_bincode::<BTreeMap<u8, Vec<Option<bool>>>>(&body);
        assert_same_as_bincode::<Vec<Shape>>(&body);
    }

    #[test]
    fn any_bytes_decode_within_bounds(mut frame in hostile_bytes()) {
        frame.insert(0, 1);
        assert_bounded_for_every_type(&frame);
    }

    #[test]
    fn a_damaged_frame_decodes_within_bounds(value in everything(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut frame = encode(1, &value).unwrap();
        let at = at.index(frame.len() - 1) + 1;
        frame[at] = byte;
        if cut {
            frame.truncate(at);
        }
        assert_bounded::<Everything>(size_of::<Shape>().max(size_of::<(String, Vec<i64>)>() * 2), &frame);
    }
}
