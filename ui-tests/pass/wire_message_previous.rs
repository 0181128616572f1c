//! A previous type can have type parameters, and a previous type of its own, in frames and in the serde form.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

#[derive(Debug, WireMessage)]
#[wire(version = 1, serde)]
struct First(u64);

#[derive(Debug, WireMessage)]
#[wire(version = 3, min_version = 2, serde, previous(First, downgrade))]
struct Second<T> {
    value: Option<T>,
    #[wire(since = 3)]
    more: u64,
}

#[derive(Debug, WireMessage)]
#[wire(version = 4, serde, previous = Second<T>)]
enum Third<T> {
    Value(T),
    None,
}

impl<T> From<First> for Second<T> {
    fn from(First(more): First) -> Self {
        Self { value: None, more }
    }
}

impl<T> From<&Second<T>> for First {
    fn from(second: &Second<T>) -> Self {
        Self(second.more)
    }
}

impl<T> From<Second<T>> for Third<T> {
    fn from(second: Second<T>) -> Self {
        second.value.map_or(Self::None, Self::Value)
    }
}

fn main() {
    let _ = Second {
        value: Some(1),
        more: 2,
    }
    .encode_at(1);
    let _ = Third::<u8>::decode(&[]);
    let _ = Third::Value(1).encode();
}
