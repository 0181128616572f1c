//! The code that the integration tests share. The tests themselves are in `integration/`, which has one folder for each
//! folder of the library.
//!
//! | file | for what |
//! |---|---|
//! | [`run`] | how long a run is, its seed, and whether a test may be skipped |
//! | [`log`] | a log of strings: its type config, its entries, and how its stores are opened |
//! | [`model`] | calls on a log store, and what the store must hold after them |
//! | [`image`] | the files of a database at one moment, to be changed and opened as a crash leaves them |
//! | [`types`] | the type config of a replicated map of strings |
//! | [`state_machine`] | that map, with snapshots on disk |
//! | [`node`] | nodes of that map that start, stop and start again on their files |

pub mod configuration;
pub mod image;
pub mod log;
pub mod model;
pub mod node;
pub mod run;
pub mod state_machine;
pub mod types;

/// Compiles and runs the quick start of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
