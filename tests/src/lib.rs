//! Fixtures shared by the integration tests.

pub mod node;
pub mod state_machine;
pub mod types;

/// The quick start compiles, and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
