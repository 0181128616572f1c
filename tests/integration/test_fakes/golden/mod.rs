//! `test_fakes::golden`: what golden files pin, and each way in which a check of golden files fails.

mod adding;
mod failures;
mod released;
mod sample;
