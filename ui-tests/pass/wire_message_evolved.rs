//! Newer fields and variants of every shape compile under strict lints.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::WireMessage;

/// Documented.
#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 4, min_version = 2)]
#[wire(serde)]
pub enum Command {
    /// Documented.
    Unit,
    /// Documented.
    Tuple(
        u8,
        #[wire(since = 3)] f64,
        #[wire(since = 4, default = seven, lossy)] u64,
    ),
    /// Documented.
    Named {
        /// Documented.
        #[wire(since = 3)]
        r#type: Option<String>,
        /// Documented.
        #[wire(since = 4)]
        #[wire(default = <u64 as Seven>::seven)]
        last: u64,
        #[cfg(any())]
        #[wire(since = 4)]
        never: NoSuchType,
    },
    /// Documented.
    #[wire(since = 3)]
    #[deprecated]
    r#Move,
    /// Documented.
    #[wire(since = 3)]
    Later {
        /// Documented.
        #[wire(since = 4)]
        field: bool,
    },
    #[cfg(any())]
    #[wire(since = 4)]
    Never(NoSuchType),
    /// Documented.
    #[wire(since = 4)]
    Last(),
}

#[derive(Debug, WireMessage)]
#[wire(version = 2, min_version = 1)]
struct OnlyNew {
    #[wire(since = 2)]
    field: u8,
}

#[derive(Debug, WireMessage)]
#[wire(version = 3, min_version = 1)]
struct Unit;

trait Seven {
    fn seven() -> Self;
}

impl Seven for u64 {
    fn seven() -> Self {
        7
    }
}

fn seven() -> u64 {
    7
}

fn main() {
    let _ = Command::Tuple(1, 2.0, 3).encode_at(2);
    let _ = OnlyNew { field: 1 }.encode_at(1);
    let _ = Unit.encode_at(2);
}
