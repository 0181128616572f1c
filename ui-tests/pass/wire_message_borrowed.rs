//! Types with lifetimes can borrow from the frame.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use std::borrow::Cow;

use openraft_toolkit::codec::WireMessageBorrowed;
use openraft_toolkit::{CodecError, WireMessage};

#[derive(Debug, WireMessage)]
#[wire(version = 2, min_version = 1)]
enum Message<'a, 'b, T>
where
    T: 'a,
{
    Put(Cow<'a, str>, Cow<'b, [u8]>, T),
    Get {
        key: Cow<'a, str>,
        #[wire(since = 2)]
        list: Cow<'b, [u16]>,
        // This field owns its text, because a `'static` text cannot borrow from a frame.
        note: Cow<'static, str>,
    },
}

fn decode(frame: &[u8]) -> Result<Message<'_, '_, u8>, CodecError> {
    Message::decode_borrowed(frame)
}

fn owned(frame: &[u8]) -> Result<Message<'static, 'static, u8>, CodecError> {
    Message::decode(frame)
}

fn main() {
    let _ = (decode(&[]), owned(&[]));
    let get: Message<'_, '_, u8> = Message::Get {
        key: "k".into(),
        list: vec![1].into(),
        note: "n".into(),
    };
    let _ = get.encode_at(2);
    let _ = Message::Put("k".into(), vec![1].into(), 2u8).encode();
}
