//! A frame is a version and the bytes that bincode writes. No other bytes can be read.

use std::collections::BTreeMap;
use std::fmt::Debug;

use openraft_toolkit::{CodecError, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use super::shapes::{Bytes, Everything, List, Named, Shape, Tuple, Unit, everything, hostile_bytes, list};

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
    // The version is checked before the body.
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
            Err(error @ CodecError::Decode(_)) => {
                let message = error.to_string();
                let reason = message.strip_prefix("cannot decode the body: ").unwrap();
                reason.to_owned()
            }
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
    // 256 levels are written and read back, and writing 257 levels is an error. The unit variant at the end is not a
    // level.
    let deepest = encode(1, &list(256)).unwrap();
    assert_eq!(decode::<List>(1, &deepest).unwrap(), list(256));
    assert!(matches!(encode(1, &list(257)), Err(CodecError::Encode(_))));

    let most = encode(1, &vec![(); 65_536]).unwrap();
    assert_eq!(decode::<Vec<()>>(1, &most).unwrap().len(), 65_536);
    assert!(matches!(encode(1, &vec![(); 65_537]), Err(CodecError::Encode(_))));
    // The limit counts the elements of all vectors together.
    assert!(encode(1, &(vec![(); 65_536], vec![(); 0])).is_ok());
    assert!(matches!(
        encode(1, &(vec![(); 65_536], vec![(); 1])),
        Err(CodecError::Encode(_))
    ));

    // A sequence whose `Serialize` announces a wrong length could not be read back.
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
fn a_field_that_serde_leaves_out_is_not_encoded() {
    // Without the error, a reader would take the bytes of `last` for `lease`.
    #[derive(Serialize)]
    struct Struct {
        #[serde(skip_serializing_if = "Option::is_none")]
        lease: Option<u64>,
        last: u8,
    }
    #[derive(Serialize)]
    enum Enum {
        Variant {
            #[serde(skip_serializing_if = "Option::is_none")]
            lease: Option<u64>,
            last: u8,
        },
    }
    #[track_caller]
    fn assert_left_out(encoded: Result<Vec<u8>, CodecError>) {
        let error = encoded.unwrap_err();
        assert!(matches!(error, CodecError::Encode(_)), "{error}");
        assert!(error.to_string().contains("the field `lease` is left out"), "{error}");
    }

    assert_left_out(encode(1, &Struct { lease: None, last: 7 }));
    assert_left_out(encode(1, &Enum::Variant { lease: None, last: 7 }));
    let full = Struct {
        lease: Some(5),
        last: 7,
    };
    assert_eq!(encode(1, &full).unwrap(), [1, 1, 5, 7]);
}

/// Decodes a body with bincode itself. The limit replaces the checks that bincode lacks.
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
}
