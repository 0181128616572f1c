//! Reads from the environment how a run of the tests is configured: its length, its seed, and whether a test may be
//! skipped.
//!
//! `make test` runs the short form of each test, `make test-all` a medium form, and `make soak` the long form.

use std::env;

use fastrand::Rng;

/// Which form of each test a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Short,
    /// `OPENRAFT_TOOLKIT_MEDIUM` is set.
    Medium,
    /// `OPENRAFT_TOOLKIT_SOAK` is set.
    Soak,
}

/// Returns the length of this run.
pub fn length() -> Length {
    if env::var_os("OPENRAFT_TOOLKIT_SOAK").is_some() {
        Length::Soak
    } else if env::var_os("OPENRAFT_TOOLKIT_MEDIUM").is_some() {
        Length::Medium
    } else {
        Length::Short
    }
}

/// Returns how many rounds a test runs: `short` in a short run, `soak` in a soak, and in a medium run `short` plus a
/// tenth of the difference.
pub fn rounds(short: u64, soak: u64) -> u64 {
    match length() {
        Length::Short => short,
        Length::Medium => short + (soak - short).div_ceil(10),
        Length::Soak => soak,
    }
}

/// Returns the step size for a test that walks over a range which is too long for a short run. A soak has the step size
/// 1.
///
/// If `short` is odd, the step size is always odd. A test that flips bit `n % 8` of byte `n` thus flips each of the
/// eight bits in some byte.
pub fn stride(short: usize) -> usize {
    match length() {
        Length::Short => short,
        Length::Medium => (short / 2) | 1,
        Length::Soak => 1,
    }
}

/// Returns the seed of this run, which `make soak` prints: `OPENRAFT_TOOLKIT_SEED`, or 1.
pub fn seed() -> u64 {
    match env::var("OPENRAFT_TOOLKIT_SEED") {
        Ok(seed) => seed.parse().expect("OPENRAFT_TOOLKIT_SEED is a number"),
        Err(_) => 1,
    }
}

/// Returns a random number generator with the seed of this run.
pub fn rng() -> Rng {
    Rng::with_seed(seed())
}

/// Reports that a test is skipped, and why. The test must then return.
///
/// # Panics
///
/// If `OPENRAFT_TOOLKIT_NO_SKIPS` is set. CI sets it, because its machines have everything that the tests need.
#[track_caller]
pub fn skip(why: &str) {
    assert!(
        env::var_os("OPENRAFT_TOOLKIT_NO_SKIPS").is_none(),
        "OPENRAFT_TOOLKIT_NO_SKIPS is set, and a test would be skipped: {why}"
    );
    eprintln!("SKIPPED: {why}");
}
