//! Sequences of calls on a log store: fixed sequences, each made for one rule, and random sequences.

use fastrand::Rng;

/// A call on a log store, a restart or a power cut. Indexes are relative to the log at the time of the call. So no
/// sequence of these calls leaves a hole in the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Appends `count` entries. If `wait` is true, waits for the callbacks of all appends so far.
    Append { count: u64, wait: bool },
    /// Saves a vote of a new term, which is a committed vote if `committed` is true.
    Vote { committed: bool },
    /// Removes `count` entries from the end, or all entries if there are fewer. Entries that are appended later have a
    /// new term.
    Truncate { count: u64 },
    /// Purges up to and including the index that is `count` after the first index that is not purged. This index may be
    /// past the last entry.
    Purge { count: u64 },
    /// Saves the last log id as committed.
    Committed,
    /// Reads `count` indexes, starting at the index that is `skip` after the first index that is not purged.
    Read { skip: u64, count: u64 },
    /// Waits for all callbacks, drops the store and opens it again.
    Restart,
    /// Simulates a power failure, and opens the store on the disk that it leaves. Restarts instead if the disk cannot
    /// simulate a power failure.
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

/// Returns sequences that are each made to reveal a break of one rule. The check runs them before the random sequences,
/// which by default are longer, and may reveal a break of any rule. So a broken rule that a fixed sequence reveals is
/// reported with few calls.
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
