//! `#[derive(WireMessage)]`: the frames of every shape of type.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use openraft_toolkit::{CodecError, WireMessage, encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[track_caller]
fn assert_golden<T: WireMessage + PartialEq + Debug>(message: T, frame: &[u8]) {
    assert_eq!(message.encode().unwrap(), frame, "encode {message:?}");
    assert_eq!(T::decode(frame).unwrap(), message, "decode {frame:?}");
}

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 1)]
struct Named {
    id: u64,
    r#type: String,
    #[cfg(any())]
    never: NoSuchType,
    last: Option<i8>,
}

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 255)]
struct Tuple(u8, Vec<u16>);

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 0x10)]
struct Unit;

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 3)]
enum Request {
    Ping,
    Get(String),
    Cas {
        key: String,
        expected: Option<u32>,
        value: u32,
    },
    #[cfg(any())]
    Never,
    r#Move(u8, u8),
}

#[test]
fn golden_frames_of_every_shape() {
    assert_golden(
        Named {
            id: 300,
            r#type: "t".to_owned(),
            last: Some(-1),
        },
        &[1, 251, 0x2c, 1, 1, b't', 1, 255],
    );
    assert_golden(Tuple(7, vec![1, 2]), &[255, 7, 2, 1, 2]);
    assert_golden(Unit, &[16]);
    assert_golden(Request::Ping, &[3, 0]);
    assert_golden(Request::Get("k".to_owned()), &[3, 1, 1, b'k']);
    assert_golden(
        Request::Cas {
            key: String::new(),
            expected: None,
            value: 5,
        },
        &[3, 2, 0, 0, 5],
    );
    assert_golden(Request::Move(1, 2), &[3, 3, 1, 2]);
}

#[test]
fn versions_are_the_ones_that_the_type_declares() {
    assert_eq!((Named::MIN_VERSION, Named::VERSION), (1, 1));
    assert_eq!((Tuple::MIN_VERSION, Tuple::VERSION), (255, 255));
    assert_eq!((Unit::MIN_VERSION, Unit::VERSION), (16, 16));

    assert_eq!(Unit.encode_at(16).unwrap(), [16]);
    for version in [0, 15, 17, 255] {
        let unsupported = |result: Result<_, CodecError>| match result {
            Err(CodecError::VersionUnsupported {
                min: 16,
                max: 16,
                actual,
            }) => actual == version,
            _ => false,
        };
        assert!(unsupported(Unit.encode_at(version).map(drop)));
        assert!(unsupported(Unit.encode_into(version, &mut Vec::new())));
        assert!(unsupported(Unit::decode(&[version]).map(drop)));
    }
}

#[test]
fn a_frame_is_refused_when_it_is_not_exactly_one_message() {
    assert!(matches!(Request::decode(&[]), Err(CodecError::Empty)));
    assert!(matches!(Request::decode(&[3]), Err(CodecError::Decode(_))));
    assert!(matches!(Request::decode(&[3, 1, 5, b'k']), Err(CodecError::Decode(_))));
    assert!(matches!(
        Request::decode(&[3, 0, 0, 0]),
        Err(CodecError::TrailingBytes { extra: 2 })
    ));

    let Err(CodecError::Decode(reason)) = Request::decode(&[3, 4]) else {
        panic!("there is no variant 4")
    };
    assert_eq!(reason.to_string(), "`Request` has no variant of index 4 at version 3");
}

#[test]
fn encode_into_appends_a_frame_or_nothing() {
    #[derive(WireMessage)]
    #[wire(version = 1)]
    struct Filler(u32, Vec<()>);

    let mut out = vec![9, 9];
    Filler(5, Vec::new()).encode_into(1, &mut out).unwrap();
    assert_eq!(out, [9, 9, 1, 5, 0]);

    let error = Filler(5, vec![(); 5000]).encode_into(1, &mut out).unwrap_err();
    assert!(matches!(error, CodecError::Encode(_)));
    assert_eq!(out, [9, 9, 1, 5, 0]);
}

#[test]
fn limits_count_all_fields_of_a_message_together() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1)]
    struct Two(#[allow(dead_code)] Vec<()>, #[allow(dead_code)] Vec<()>);

    assert!(Two(vec![(); 2048], vec![(); 2048]).encode().is_ok());
    assert!(matches!(
        Two(vec![(); 2048], vec![(); 2049]).encode(),
        Err(CodecError::Encode(_))
    ));
    // Both lengths are written as a u16, in 3 bytes.
    let frame = [1, 251, 0x00, 0x08, 251, 0x01, 0x08];
    assert!(matches!(Two::decode(&frame), Err(CodecError::Decode(_))));
}

mod generic {
    use super::*;

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1)]
    pub(super) struct Batch<T, M = ()>
    where
        T: Clone,
    {
        pub(super) items: Vec<T>,
        pub(super) marker: PhantomData<M>,
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1)]
    pub(super) enum Items<'a, I: Iterator, const N: usize> {
        Borrowed(Cow<'a, str>),
        Item(I::Item, <I as Iterator>::Item),
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1)]
    pub(super) struct Recursive<K: Ord> {
        pub(super) children: BTreeMap<K, Option<Box<Leaf<K>>>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Leaf<K>(pub(super) K);
}

#[test]
fn generic_types_have_frames_if_the_values_they_hold_are_serializable() {
    use generic::{Batch, Items, Leaf, Recursive};

    /// A type that is not serializable. No test has a value of it.
    #[derive(Debug, PartialEq)]
    struct Marker;

    assert_golden(
        Batch {
            items: vec![1u8, 2],
            marker: PhantomData::<Marker>,
        },
        &[1, 2, 1, 2],
    );

    type Chars<'a> = Items<'a, std::vec::IntoIter<u8>, 3>;
    assert!(matches!(Chars::decode(&[1, 0, 1, b'a']).unwrap(), Items::Borrowed(text) if text == "a"));
    assert_eq!(Chars::Item(7, 8).encode().unwrap(), [1, 1, 7, 8]);

    let children = BTreeMap::from([(1u8, None), (2, Some(Box::new(Leaf(3))))]);
    assert_golden(Recursive { children }, &[1, 2, 1, 0, 2, 1, 3]);
}

#[test]
fn a_type_without_values_has_no_frames() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1)]
    enum Never {}

    assert!(matches!(Never::decode(&[1, 0]), Err(CodecError::Decode(_))));
}

#[test]
fn a_renamed_toolkit_is_found_by_its_path() {
    mod base {
        pub(crate) use openraft_toolkit as toolkit;
    }

    #[derive(Debug, PartialEq, base::toolkit::WireMessage)]
    #[wire(version = 1, crate = base::toolkit)]
    struct Message(u8);

    assert_golden(Message(4), &[1, 4]);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
struct Both {
    id: u64,
    name: String,
    bytes: Vec<u8>,
    pair: (i16, Option<char>),
    map: BTreeMap<u8, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
enum BothEnum {
    Unit,
    Newtype(Both),
    Tuple(u8, i64),
    Struct { both: Box<BothEnum>, flag: bool },
}

fn both() -> impl Strategy<Value = Both> {
    any::<(u64, String, Vec<u8>, (i16, Option<char>), BTreeMap<u8, String>)>().prop_map(
        |(id, name, bytes, pair, map)| Both {
            id,
            name,
            bytes,
            pair,
            map,
        },
    )
}

fn both_enum() -> impl Strategy<Value = BothEnum> {
    prop_oneof![
        Just(BothEnum::Unit),
        both().prop_map(BothEnum::Newtype),
        any::<(u8, i64)>().prop_map(|(a, b)| BothEnum::Tuple(a, b)),
    ]
    .prop_recursive(3, 8, 1, |inner| {
        (inner, any::<bool>()).prop_map(|(both, flag)| BothEnum::Struct {
            both: Box::new(both),
            flag,
        })
    })
}

proptest! {
    #[test]
    fn a_frame_is_what_the_types_own_serialize_would_write(message in both_enum()) {
        let frame = message.encode().unwrap();
        prop_assert_eq!(&frame, &encode(1, &message).unwrap());
        let plain = bincode::serde::encode_to_vec(&message, bincode::config::standard()).unwrap();
        prop_assert_eq!(&frame[1..], &plain);
        prop_assert_eq!(BothEnum::decode(&frame).unwrap(), message);
    }

    #[test]
    fn any_bytes_decode_to_a_message_or_an_error(mut frame: Vec<u8>) {
        frame.insert(0, 1);
        let decoded = BothEnum::decode(&frame);
        prop_assert_eq!(decoded.ok(), openraft_toolkit::decode::<BothEnum>(1, &frame).ok());
    }
}
