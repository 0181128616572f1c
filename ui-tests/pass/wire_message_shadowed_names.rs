//! Generated code compiles where the user's items have the names that the code uses.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]
#![allow(non_camel_case_types, clippy::upper_case_acronyms)]

mod core {}
mod std {}
mod openraft_toolkit {}

type Result = ();
type Vec = u8;
type Option = u16;
type u8 = u32;
type body = u64;

#[allow(dead_code)]
trait Shadow {
    fn variant(&self) {}
    fn field(&self) {}
    fn encode(&self) {}
}

impl<T> Shadow for T {}

#[derive(::openraft_toolkit::WireMessage)]
#[wire(version = 1)]
enum Message {
    Ok(Result, Vec),
    Err {
        version: Option,
        bytes: u8,
        out: body,
        index: u8,
    },
    None,
}

fn main() {
    use ::openraft_toolkit::WireMessage;

    let messages = [
        Message::Ok((), 1),
        Message::Err {
            version: 1,
            bytes: 2,
            out: 3,
            index: 4,
        },
        Message::None,
    ];
    for message in messages {
        let _ = WireMessage::encode(&message);
    }
}
