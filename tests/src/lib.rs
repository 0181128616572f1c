//! Fixtures shared by the integration tests.

pub mod node;
pub mod state_machine;
pub mod types;
