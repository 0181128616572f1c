//! What the environment says about a run of the tests: its length, its seed, and whether a test may be skipped.
//!
//! `make test` runs the short form of each test, `make test-all` a medium form, and `make soak` the long form.

use std::env;

use fastrand::Rng;

/// How long the tests of a run are.
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

/// Returns how often a test repeats what it does: `short` or `soak` times, and in a medium run a tenth of the way
/// from the one to the other.
pub fn rounds(short: u64, soak: u64) -> u64 {
    match length() {
        Length::Short => short,
        Length::Medium => short + (soak - short).div_ceil(10),
        Length::Soak => soak,
    }
}

/// Returns the step at which a test walks over a range that is too long for a short run. A soak walks over all of it.
///
/// If `short` is odd, all steps are: a test that flips bit `n % 8` of byte `n` thus flips each of the eight bits.
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

/// Returns random numbers that the seed of this run repeats.
pub fn rng() -> Rng {
    Rng::with_seed(seed())
}

/// Says that a test is skipped, and why. The test then returns.
///
/// # Panics
///
/// If `OPENRAFT_TOOLKIT_NO_SKIPS` is set, as in CI, whose machines have all that the tests need.
#[track_caller]
pub fn skip(why: &str) {
    assert!(
        env::var_os("OPENRAFT_TOOLKIT_NO_SKIPS").is_none(),
        "OPENRAFT_TOOLKIT_NO_SKIPS is set, and a test would be skipped: {why}"
    );
    eprintln!("SKIPPED: {why}");
}
