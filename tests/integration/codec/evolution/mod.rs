//! `#[derive(WireMessage)]` over versions.
//!
//! The tests use one command in three releases (`releases`), alone and inside a user's own type (`nested`).

mod msgpack;
pub mod nested;
mod previous;
mod properties;
pub mod releases;
mod serde_form;
mod shapes;
mod versions;
