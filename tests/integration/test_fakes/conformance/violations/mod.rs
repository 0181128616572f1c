//! The conformance checks find stores and key spaces that break a rule. There is a flawed one for each rule.

mod flawed;
mod key_spaces;
mod log_store;
