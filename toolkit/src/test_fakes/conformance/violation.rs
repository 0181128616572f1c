//! The rules, and the report of a broken rule.

use std::fmt;

/// A rule that a log store or a key space must keep. [`requirement`](Self::requirement) returns what must hold, and
/// [`reason`](Self::reason) returns what goes wrong otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// openraft's own suite passes.
    OpenraftSuite,
    /// No call fails while nothing is wrong with the disk.
    CallsSucceed,
    /// Appended entries are readable when `append` returns.
    AppendReadable,
    /// Every call changes the log as openraft expects.
    CallsTakeEffect,
    /// A read returns all entries of its range. A limited read returns one or more of the first ones.
    ReadsComplete,
    /// The callback of every append runs.
    CallbackRuns,
    /// An entry is durable when its callback runs.
    AppendDurable,
    /// A vote is durable when `save_vote` returns.
    VoteDurable,
    /// A truncation is durable when `truncate_after` returns.
    TruncationDurable,
    /// Appends, votes and truncations become durable in the order of the calls.
    WritesInOrder,
    /// After a restart, a purge has taken effect completely or not at all.
    PurgeWhole,
    /// The committed log id is one that was saved, or none.
    CommittedSaved,
    /// An append that would leave a hole fails, or a read of the hole fails.
    HolesRefused,
    /// The entries of a log are consecutive, and the first one follows the last purged one.
    NoHoles,
    /// A key space makes the same key for the same index or label each time.
    KeysStable,
    /// Log keys sort as their indexes do.
    LogKeysAscend,
    /// `log_index` inverts `log_key`, and returns `None` for a key that `log_key` does not make.
    LogIndexInverts,
    /// The log keys of different groups are in separate ranges.
    LogKeysApart,
    /// Meta keys differ from one another.
    MetaKeysDiffer,
}

impl Rule {
    /// Returns what must hold.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::OpenraftSuite => "openraft's own suite for log storage passes",
            Self::CallsSucceed => "no call fails while nothing is wrong with the disk",
            Self::AppendReadable => "appended entries are readable when `append` returns",
            Self::CallsTakeEffect => "after each call, the log, the vote and the committed log id are as the calls say",
            Self::ReadsComplete => "a read returns all entries of its range, a limited read the first ones",
            Self::CallbackRuns => "the callback of every append runs",
            Self::AppendDurable => "an entry is durable when its callback runs",
            Self::VoteDurable => "a vote is durable when `save_vote` returns",
            Self::TruncationDurable => "a truncation is durable when `truncate_after` returns",
            Self::WritesInOrder => "appends, votes and truncations become durable in the order of the calls",
            Self::PurgeWhole => {
                "after a restart, a purge and the removal of its entries are both there, or both undone"
            }
            Self::CommittedSaved => "the committed log id is one that was saved, or none",
            Self::HolesRefused => "an append with a hole fails, or the read of it does",
            Self::NoHoles => "the entries of the log are consecutive, and the first one follows the last purged one",
            Self::KeysStable => "a key is the same each time it is made",
            Self::LogKeysAscend => "log keys sort bytewise as their indexes do",
            Self::LogIndexInverts => {
                "`log_index` returns the index of a log key of the group, and `None` for any other key"
            }
            Self::LogKeysApart => "no log key of one group lies between the first and the last of another",
            Self::MetaKeysDiffer => "the meta keys of all groups and labels differ from one another",
        }
    }

    /// Returns who relies on the rule, or what goes wrong without it. A message shows this text after "otherwise".
    pub fn reason(self) -> &'static str {
        match self {
            Self::OpenraftSuite => "openraft is tested only with stores that pass its suite",
            Self::CallsSucceed => "openraft stops the node at the first error of its storage",
            Self::AppendReadable => "openraft replicates and applies entries before they are durable",
            Self::CallsTakeEffect => "openraft has no other copy of the log to work with",
            Self::ReadsComplete => "openraft takes a shorter result for the end of the log, or for damage",
            Self::CallbackRuns => {
                "openraft waits for ever, because it commits no entry before the callbacks of a quorum ran"
            }
            Self::AppendDurable => "openraft counts the entry for the quorum, and a committed entry could be lost",
            Self::VoteDurable => "a node that forgets its vote can vote again, and one term can have two leaders",
            Self::TruncationDurable => {
                "openraft replaces the entries at once, and an entry that comes back contradicts the one that was applied"
            }
            Self::WritesInOrder => "openraft takes a durable write as proof that all earlier writes are durable",
            Self::PurgeWhole => "the log would begin with entries that no longer exist, and the node would not start",
            Self::CommittedSaved => {
                "openraft applies entries up to it when it starts, and could apply an entry that is not committed"
            }
            Self::HolesRefused | Self::NoHoles => {
                "openraft compares only the last log id, and would take a log with a hole for a whole one"
            }
            Self::KeysStable => "the store could not find its data again",
            Self::LogKeysAscend => {
                "the store reads, truncates and purges ranges of keys, and would touch the wrong entries"
            }
            Self::LogIndexInverts => {
                "the store finds the first and the last entry by their keys, and would take wrong ones"
            }
            Self::LogKeysApart => {
                "the store truncates and purges ranges of keys, and would remove entries of the other group"
            }
            Self::MetaKeysDiffer => "one group would overwrite the vote of another",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.requirement())
    }
}

/// A broken [`Rule`], and how the check noticed it. The message shows all of the fields.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "rocksdb-log-store")] {
/// use openraft_toolkit::log_store::Flat;
/// use openraft_toolkit::test_fakes::conformance::{Rule, key_spaces};
///
/// let violation = key_spaces([Flat, Flat]).unwrap_err();
/// assert_eq!(violation.rule, Rule::LogKeysApart);
/// assert_eq!(
///     violation.to_string(),
///     "no log key of one group lies between the first and the last of another: \
///      0000000000000000..=ffffffffffffffff of Flat meets 0000000000000000..=ffffffffffffffff of Flat; \
///      otherwise: the store truncates and purges ranges of keys, and would remove entries of the other group",
/// );
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The rule that is broken.
    pub rule: Rule,
    /// What the check found.
    pub found: String,
    /// The seed of the sequence of calls, if the sequence was random. To repeat the sequence, set
    /// [`LogStoreOptions::seed`](super::LogStoreOptions::seed) to it and `histories` to 1, and leave `calls` as it was.
    pub seed: Option<u64>,
    /// The calls on a blank log store that lead to the violation, in order. Empty for a key space, for openraft's
    /// suite, for a disk that could not be made, and for a store that is wrong before the first call.
    pub calls: Vec<String>,
}

impl Violation {
    pub(super) fn new(rule: Rule, found: impl Into<String>) -> Self {
        Self {
            rule,
            found: found.into(),
            seed: None,
            calls: Vec::new(),
        }
    }
}

/// Returns a function that turns an error of `call` into a violation of [`Rule::CallsSucceed`].
pub(super) fn call_failed<E: fmt::Display>(call: &'static str) -> impl Fn(E) -> Violation {
    move |error| Violation::new(Rule::CallsSucceed, format!("{call} failed: {error}"))
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; otherwise: {}", self.rule, self.found, self.rule.reason())?;
        if !self.calls.is_empty() {
            write!(f, "; after the calls: {}", self.calls.join(", "))?;
        }
        match self.seed {
            Some(seed) => write!(f, "; help: the seed {seed} repeats them"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}
