//! Types can have type parameters, lifetimes and const parameters. They need bounds only on the type parameters and
//! associated types that fields hold.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use openraft_toolkit::WireMessage;

struct NotSerializable;

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
struct Marked<T: ?Sized>(PhantomData<T>);

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
struct Borrowed<'a, T: Clone = u8, const N: usize = 2>
where
    T: Ord,
{
    text: Cow<'a, str>,
    map: BTreeMap<T, Vec<T>>,
}

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
enum Items<I: Iterator> {
    Short(I::Item),
    Long(Vec<<I as Iterator>::Item>),
}

fn main() {
    let _ = Marked::<NotSerializable>(PhantomData).encode();
    let borrowed: Borrowed<'_> = Borrowed {
        text: "a".into(),
        map: BTreeMap::new(),
    };
    let _ = borrowed.encode();
    // The items must be serializable. The iterator need not be serializable.
    let _ = Items::<std::iter::Empty<u8>>::Short(1).encode();
    let _ = Items::<std::iter::Empty<u8>>::Long(vec![1]).encode();
}
