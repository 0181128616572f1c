//! A message can have any visibility, and can be declared anywhere.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

mod inner {
    use openraft_toolkit::WireMessage;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Private<T>(T);

    /// The fields have a private type with a type parameter.
    #[derive(Debug, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    pub struct Public<T> {
        field: Private<T>,
        #[wire(since = 2)]
        newer: Private<T>,
    }

    impl<T: Clone> Public<T> {
        pub fn new(value: &T) -> Self {
            Self {
                field: Private(value.clone()),
                newer: Private(value.clone()),
            }
        }
    }
}

fn main() {
    use openraft_toolkit::WireMessage;

    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    struct Local(u64);

    let _ = (Local(1).encode(), inner::Public::new(&1u8).encode());
}
