//! Every shape of type compiles under strict lints, even with a deprecated field.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

/// Documented.
#[derive(Debug, WireMessage)]
#[wire(version = 1)]
pub struct Named {
    /// Documented.
    pub id: u64,
    #[deprecated]
    old: Vec<String>,
    r#type: Option<u64>,
    #[cfg(any())]
    never: NoSuchType,
}

#[derive(Debug, WireMessage)]
#[wire(version = 0xFF)]
struct Unit;

#[derive(Debug, WireMessage)]
#[wire(version = 2u8)]
struct Tuple(u8, (String, [i64; 3]));

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
struct Empty {}

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
enum Never {}

#[derive(Debug, WireMessage)]
#[wire(version = 1)]
enum Variants {
    Unit,
    EmptyTuple(),
    EmptyStruct {},
    Tuple(u8, Box<str>),
    Struct {
        r#fn: i64,
    },
    r#Dyn,
    #[cfg(any())]
    Never(NoSuchType),
}

fn main() {
    let _ = Named::decode(&[]);
    let _ = (
        Unit.encode(),
        Empty {}.encode(),
        Tuple(1, (String::new(), [0; 3])).encode(),
        Never::decode(&[]),
    );
    let variants = [
        Variants::Unit,
        Variants::EmptyTuple(),
        Variants::EmptyStruct {},
        Variants::Tuple(1, "a".into()),
        Variants::Struct { r#fn: 1 },
        Variants::Dyn,
    ];
    for variant in variants {
        let _ = variant.encode();
    }
}
