//! The bytes of frames and messages.
//!
//! | module | what it proves |
//! |---|---|
//! | `frame` | `encode` and `decode` of any serde type, also against hostile bytes |
//! | `wire_message` | the frames of every shape of type that derives `WireMessage` |
//! | `evolution` | what a message becomes at an older or a newer version |
//! | `limits` | that limits nest, and that no input overflows the stack |
//! | `write_version` | at which version a node writes |
//! | `rollout` | at which version entries are written while a cluster moves to another release |
//!
//! Golden files are in `test_fakes::golden`.

mod counting_allocator;
mod evolution;
mod frame;
mod limits;
mod rollout;
mod wire_message;
mod write_version;
