//! Generated code needs no prelude.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

#[derive(::openraft_toolkit::WireMessage)]
#[wire(version = 2, min_version = 1, serde)]
enum Message {
    Put {
        key: ::std::string::String,
        #[wire(since = 2)]
        lease: ::core::option::Option<u64>,
    },
    #[wire(since = 2)]
    Clear(::std::borrow::Cow<'static, str>),
}

fn main() {
    let put = Message::Put {
        key: ::std::string::String::new(),
        lease: ::core::option::Option::None,
    };
    let _ = ::openraft_toolkit::WireMessage::encode_at(&put, 1);
    let _ = Message::Clear(::std::convert::From::from(""));
}
