//! `test_fakes::golden`: what golden files freeze, and each way in which a check of them fails.

mod adding;
mod failures;
mod released;
mod sample;
