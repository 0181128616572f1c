//! A pinned layout compiles after any change that is not part of the layout. The newest version needs no pin.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

#[derive(Debug, WireMessage)]
#[wire(version = 3, min_version = 1, layout(1 = "139e8ea79600d208", 2 = "139e8ea79600d208",))]
struct Message {
    key: String,
    #[wire(since = 3)]
    lease: u64,
}

/// Comments, attributes, visibility and defaults are not part of the layout.
#[derive(Debug, WireMessage)]
#[wire(version = 1, layout(1 = "139e8ea79600d208"))]
#[allow(dead_code)]
pub(crate) struct Same {
    /// Whether a name is raw is not part of the layout.
    pub(crate) r#key: String,
}

#[derive(Debug, WireMessage)]
#[wire(version = 1, layout(1 = "16e72edf6530ec37"))]
struct OneLine(Result<(u8, Vec<u16>), String>);

/// Trailing commas, which rustfmt adds when it breaks a line, are not part of the layout.
#[derive(Debug, WireMessage)]
#[wire(version = 1, layout(1 = "16e72edf6530ec37"))]
#[rustfmt::skip]
struct ManyLines(
    Result<
        (
            u8,
            Vec<u16,>,
        ),
        String,
    >,
);

#[derive(Debug, WireMessage)]
#[wire(version = 1, layout())]
struct Unreleased(u8);

fn main() {
    let message = Message {
        key: String::new(),
        lease: 0,
    };
    let _ = (message.encode_at(1), Unreleased(1).encode());
    let _ = (
        OneLine(Err(String::new())).encode(),
        ManyLines(Ok((1, vec![2]))).encode(),
    );
}
