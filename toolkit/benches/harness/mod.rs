//! Measures several sides in turns, and compares them round by round. All benchmarks use this module.
//!
//! A side is one of the things that a benchmark compares. A benchmark reports ratios of two figures that were measured
//! in the same round, so that anything that slows the machine down affects both figures.

use std::env;

/// The command line of a benchmark.
pub(crate) struct Args {
    /// Whether to measure, which `cargo bench` requests with the flag `--bench`. `cargo test --benches` does not pass
    /// this flag: a benchmark then runs briefly, only to check its assertions.
    pub(crate) measure: bool,
    flags: Vec<String>,
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new() -> Self {
        let (flags, words): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|arg| arg.starts_with('-'));
        Self {
            measure: flags.iter().any(|flag| flag == "--bench"),
            flags,
            words,
        }
    }

    /// Returns whether `flag` was given.
    #[allow(dead_code, reason = "not every benchmark has flags of its own")]
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// Returns whether to run the workload `name`: its name contains one of the given words, or no words were given.
    pub(crate) fn picks(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }
}

/// Measures each side once per round, and returns the figures of each side. The sides take turns, in reverse order in
/// every other round, so that no side always follows the same other side.
pub(crate) fn take_turns<S, T>(rounds: usize, sides: &[S], mut measure: impl FnMut(&S) -> T) -> Vec<Vec<T>> {
    let mut measured: Vec<Vec<T>> = sides.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        let mut turns: Vec<_> = sides.iter().zip(&mut measured).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (side, measured) in turns {
            measured.push(measure(side));
        }
    }
    measured
}

/// Returns the ratio of `of` to `to` in each round.
pub(crate) fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the quantile `q`, from 0 to 1: the value that about a share `q` of all values does not exceed.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}
