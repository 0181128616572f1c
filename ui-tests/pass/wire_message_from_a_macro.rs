//! A user's `macro_rules!` can declare the type and pass tokens on to the derive.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

macro_rules! message {
    ($name:ident, $version:literal, $since:expr, $field:ident: $ty:ty, $newer:ident: $newer_ty:ty = $default:path) => {
        #[derive(Debug, WireMessage)]
        #[wire(version = $version, min_version = 1, layout(1 = "139e8ea79600d208"))]
        struct $name {
            $field: $ty,
            #[wire(since = $since, default = $default)]
            $newer: $newer_ty,
        }
    };
}

message!(Message, 2, 2, key: String, list: Vec<Option<u64>> = Vec::new);

fn main() {
    let _ = Message {
        key: String::new(),
        list: Vec::new(),
    }
    .encode_at(1);
}
