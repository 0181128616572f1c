//! Pinned layouts: what does not change them, and the newest before its release.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

#[derive(Debug, WireMessage)]
#[wire(version = 3, min_version = 1, layout(1 = "139e8ea79600d208", 2 = "139e8ea79600d208",))]
struct Message {
    key: String,
    #[wire(since = 3)]
    lease: u64,
}

/// Comments, attributes, visibility and defaults are not part of it.
#[derive(Debug, WireMessage)]
#[wire(version = 1, layout(1 = "139e8ea79600d208"))]
#[allow(dead_code)]
pub(crate) struct Same {
    /// Nor is the spelling of a name.
    pub(crate) r#key: String,
}

#[derive(Debug, WireMessage)]
#[wire(version = 1, layout())]
struct Unreleased(u8);

fn main() {
    let message = Message {
        key: String::new(),
        lease: 0,
    };
    let _ = (message.encode_at(1), Unreleased(1).encode());
}
