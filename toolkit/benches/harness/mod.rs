//! What the benchmarks share: sides that are measured in turns, and compared round by round.
//!
//! What is measured is the ratio of two figures that were taken one right after the other, so that
//! whatever else slows the machine down slows both.

use std::env;

/// The command line of a benchmark.
pub(crate) struct Args {
    /// `cargo test --benches` passes no `--bench`: then only what must hold is looked at.
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

    /// Whether `flag` was given.
    #[allow(dead_code, reason = "not every benchmark has flags of its own")]
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// Whether `name` was asked for: it has one of the words, where there are any.
    pub(crate) fn picks(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }
}

/// What each of the sides measures in each round. They take turns, and every other round goes the
/// other way round, so that none is always the one that comes after a certain other.
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

/// The ratio of two sides in each round.
pub(crate) fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that the share `q` of all values does not exceed.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}
