//! Sequences of calls on a log store: fixed ones, each for a rule, and random ones.

use fastrand::Rng;

/// A call on a log store. Its numbers are relative to the log at the time of the call, so that openraft could make any
/// sequence of these calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Appends `count` entries, and waits for the callback if `wait`.
    Append { count: u64, wait: bool },
    /// Saves a vote of a new term.
    Vote { committed: bool },
    /// Removes `count` entries from the end. Later entries are of a new term.
    Truncate { count: u64 },
    /// Purges up to the entry that is `count` after the first one, which may be past the last one.
    Purge { count: u64 },
    /// Saves the last log id as committed.
    Committed,
    /// Reads `count` entries, from the one that is `skip` after the first one.
    Read { skip: u64, count: u64 },
    /// Waits for all callbacks, drops the store and opens it again.
    Restart,
    /// Drops the store, and opens the disk as a power cut leaves it. Restarts if the disk cannot cut its power.
    PowerCut,
}

impl Call {
    /// Returns a random call. Appends are the most frequent ones.
    pub(super) fn random(rng: &mut Rng) -> Self {
        match rng.u64(..20) {
            0 | 1 => Self::Vote { committed: rng.bool() },
            2 | 3 => Self::Truncate { count: rng.u64(..6) },
            4 | 5 => Self::Purge { count: rng.u64(..12) },
            6 => Self::Committed,
            7..=9 => Self::Read {
                skip: rng.u64(..10),
                count: rng.u64(..10),
            },
            10 => Self::Restart,
            11 | 12 => Self::PowerCut,
            n => Self::Append {
                count: 1 + rng.u64(..5),
                wait: n % 2 == 0,
            },
        }
    }
}

/// Returns sequences that are made to break one rule each. Random sequences, which may break any rule, come after
/// them, so that the first violation of a store is a simple one.
pub(super) fn fixed() -> Vec<Vec<Call>> {
    let append = |count, wait| Call::Append { count, wait };
    let vote = Call::Vote { committed: false };
    let truncate = |count| Call::Truncate { count };
    let purge = |count| Call::Purge { count };
    let mut sequences = Vec::new();
    for end in [Call::PowerCut, Call::Restart] {
        sequences.extend([
            vec![append(5, true), end, append(2, true), end],
            vec![append(5, false), append(1, true), end],
            vec![vote, end, vote, vote, end],
            vec![append(3, false), vote, end],
            vec![append(6, true), truncate(3), end, append(2, true), end],
            vec![append(6, true), truncate(3), append(2, true), end],
            vec![append(6, true), truncate(6), end],
            vec![append(6, true), purge(3), append(1, true), end, append(1, true)],
            vec![append(6, true), purge(9), end, append(1, true), end],
            vec![append(4, true), Call::Committed, vote, end],
            vec![append(9, true), purge(2), Call::Read { skip: 1, count: 4 }],
        ]);
    }
    sequences
}
