//! `#[derive(WireMessage)]` with several versions.
//!
//! The tests use one command in three releases (`releases`), alone and inside a user's own type (`nested`).
//!
//! | file | what it proves |
//! |---|---|
//! | `versions` | what a body becomes at another version, and what an older version cannot hold |
//! | `previous` | versions that another type reads and writes |
//! | `serde_form` | messages inside other types, in bincode, JSON and MessagePack |
//! | `shapes` | borrowed, generic, nested and very large messages |
//! | `properties` | the rules for any command and for any bytes |

mod msgpack;
pub mod nested;
mod previous;
mod properties;
pub mod releases;
mod serde_form;
mod shapes;
mod versions;
