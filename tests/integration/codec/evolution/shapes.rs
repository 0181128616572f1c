//! Messages of unusual shapes: borrowed, of bytes, generic, nested, and of many variants.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use openraft_toolkit::codec::WireMessageBorrowed;
use openraft_toolkit::{CodecError, WireMessage, decode, encode};
use serde::{Deserialize, Serialize};

use super::msgpack::{rmp_from_slice, rmp_to_vec};
use super::releases::assert_not_representable;

#[test]
fn decode_borrowed_borrows_strings_and_bytes_from_the_frame() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Put<'a, T> {
        key: Cow<'a, str>,
        value: Cow<'a, [u8]>,
        #[wire(since = 2)]
        note: Cow<'a, str>,
        list: Vec<Cow<'a, str>>,
        extra: T,
    }

    let put = Put {
        key: "k".into(),
        value: vec![1, 2].into(),
        note: "".into(),
        list: vec!["a".into()],
        extra: 7u8,
    };
    let frame = put.encode().unwrap();
    let borrowed = Put::<u8>::decode_borrowed(&frame).unwrap();
    assert_eq!(borrowed, put);
    assert!(matches!(borrowed.key, Cow::Borrowed("k")));
    assert!(matches!(borrowed.value, Cow::Borrowed([1, 2])));
    assert!(matches!(borrowed.list[0], Cow::Owned(_)));

    // A message that `decode` returns outlives the frame.
    let owned = Put::<u8>::decode(&frame.clone()).unwrap();
    assert_eq!(owned, put);
    assert!(matches!(owned.key, Cow::Owned(_)));

    let old = put.encode_at(1).unwrap();
    assert_eq!(Put::<u8>::decode_borrowed(&old).unwrap(), put);
    assert!(matches!(
        Put::<u8>::decode_borrowed(&[3]),
        Err(CodecError::VersionUnsupported {
            min: 1,
            max: 2,
            actual: 3
        })
    ));
    assert!(matches!(
        Put::<u8>::decode_borrowed(&[frame, vec![0]].concat()),
        Err(CodecError::TrailingBytes { extra: 1 })
    ));
}

#[test]
fn bytes_are_the_same_whether_they_are_written_at_once_or_one_by_one() {
    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    enum AtOnce<'a> {
        Named {
            vec: Vec<u8>,
            #[wire(since = 2)]
            boxed: Box<[u8]>,
        },
        Tuple(Cow<'a, [u8]>, std::vec::Vec<u8>),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum OneByOne {
        Named { vec: Vec<u8>, boxed: Vec<u8> },
        Tuple(Vec<u8>, Vec<u8>),
    }

    for len in [0, 1, 250, 251, 70_000] {
        let bytes: Vec<u8> = (0..len).map(|n: u32| n.to_le_bytes()[0]).collect();
        let pairs = [
            (
                AtOnce::Named {
                    vec: bytes.clone(),
                    boxed: bytes.clone().into(),
                },
                OneByOne::Named {
                    vec: bytes.clone(),
                    boxed: bytes.clone(),
                },
            ),
            (
                AtOnce::Tuple(bytes.clone().into(), bytes.clone()),
                OneByOne::Tuple(bytes.clone(), bytes.clone()),
            ),
        ];
        for (at_once, one_by_one) in pairs {
            let frame = encode(2, &one_by_one).unwrap();
            assert_eq!(at_once.encode().unwrap(), frame);
            assert_eq!(AtOnce::decode(&frame).unwrap(), at_once);
            let text = serde_json::to_string(&at_once).unwrap();
            assert_eq!(
                text,
                format!(r#"{{"v2":{}}}"#, serde_json::to_string(&one_by_one).unwrap())
            );
            assert_eq!(serde_json::from_str::<AtOnce>(&text).unwrap(), at_once);
            let packed = rmp_to_vec(&at_once).unwrap();
            assert_eq!(rmp_from_slice::<AtOnce>(&packed).unwrap(), at_once);
        }
    }
    let old = AtOnce::Named {
        vec: vec![1],
        boxed: Box::default(),
    };
    assert_eq!(AtOnce::decode(&old.encode_at(1).unwrap()).unwrap(), old);
    // A length that exceeds the remaining bytes is an error before any memory is allocated.
    assert!(matches!(
        AtOnce::decode(&[2, 0, 253, 255, 255, 255, 255, 255, 255, 255, 255]),
        Err(CodecError::Decode(_))
    ));
}

#[test]
fn a_newer_field_needs_a_default_of_its_type_and_not_of_the_types_parameters() {
    /// A type without a default. An `Option` of this type has a default.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    struct Id(u8);

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    struct Page<K, V: Default> {
        items: BTreeMap<u8, K>,
        #[wire(since = 2)]
        next: Option<K>,
        #[wire(since = 2, lossy)]
        hint: V,
    }

    let page = Page {
        items: BTreeMap::from([(1, Id(2))]),
        next: None,
        hint: (),
    };
    assert_eq!(page.encode_at(1).unwrap(), [1, 1, 1, 2]);
    assert_eq!(Page::<Id, ()>::decode(&[1, 1, 1, 2]).unwrap(), page);
    let page = Page {
        next: Some(Id(1)),
        ..page
    };
    assert_not_representable(page.encode_at(1), 1, "Page::next");
    assert_eq!(decode::<Page<Id, ()>>(7, &encode(7, &page).unwrap()).unwrap(), page);
}

#[test]
fn hostile_nesting_of_messages_is_an_error() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    enum Tree {
        Leaf,
        #[allow(dead_code)]
        Node(Box<Tree>),
    }

    let nested = |depth| [[1, 1].repeat(depth), vec![1, 0]].concat();
    assert!(matches!(Tree::decode(&nested(100)), Ok(Tree::Node(_))));
    assert!(matches!(Tree::decode(&nested(100_000)), Err(CodecError::Decode(_))));
    assert!(matches!(Tree::Leaf.encode().as_deref(), Ok([1, 0])));
}

#[test]
fn however_many_variants_there_are_a_nested_message_fits_the_stack_of_a_thread() {
    macro_rules! tree {
        ($($variant:ident)*) => {
            #[derive(Debug, WireMessage)]
            #[wire(version = 2, min_version = 1, serde)]
            #[allow(dead_code)]
            enum Tree {
                Leaf,
                Node(Box<Tree>),
                $($variant { key: String, value: Vec<u8>, #[wire(since = 2)] lease: Option<[u64; 8]> },)*
            }
        };
    }
    tree!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z Aa Bb Cc Dd Ee Ff Gg Hh Ii Jj Kk Ll Mm Nn Oo Pp Qq Rr Ss Tt Uu Vv Ww Xx Yy Zz);

    // The message is nested to the limit, and the stack is as large as that of a tokio thread.
    let nested = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let frame = [[2, 1].repeat(127), vec![2, 0]].concat();
        assert_eq!(Tree::decode(&frame).unwrap().encode().unwrap(), frame);
    });
    nested.unwrap().join().unwrap();
}
