//! The toolkit can have another name.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

extern crate openraft_toolkit as toolkit;

use toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, crate = toolkit)]
struct Message(u64);

fn main() {
    let _ = Message(1).encode();
}
