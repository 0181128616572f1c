use std::fmt;

/// What a log store or a key space must keep to. [`requirement`](Self::requirement) says what it is, and
/// [`reason`](Self::reason) what goes wrong without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// openraft's own suite passes.
    OpenraftSuite,
    /// No call fails while nothing is wrong with the disk.
    CallsSucceed,
    /// Appended entries are readable when `append` returns.
    AppendReadable,
    /// The log is what the calls made of it.
    CallsTakeEffect,
    /// A read returns all entries of its range, a limited read the first ones.
    ReadsComplete,
    /// The callback of every append runs.
    CallbackRuns,
    /// An entry is durable when its callback runs.
    AppendDurable,
    /// A vote is durable when `save_vote` returns.
    VoteDurable,
    /// A truncation is durable when `truncate_after` returns.
    TruncationDurable,
    /// Writes become durable in the order of the calls.
    WritesInOrder,
    /// A purge is there with all that it does, or not at all.
    PurgeWhole,
    /// The committed log id is one that was saved.
    CommittedSaved,
    /// A hole in the log is an error.
    HolesRefused,
    /// The log is one run of entries.
    NoHoles,
    /// A key is the same each time.
    KeysStable,
    /// Log keys sort as their indexes do.
    LogKeysAscend,
    /// `log_index` inverts `log_key`.
    LogIndexInverts,
    /// The log keys of a group have a range of their own.
    LogKeysApart,
    /// Meta keys differ from one another.
    MetaKeysDiffer,
}

impl Rule {
    /// What must hold.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::OpenraftSuite => "openraft's own suite for log storage passes",
            Self::CallsSucceed => "no call fails while nothing is wrong with the disk",
            Self::AppendReadable => "appended entries are readable when `append` returns",
            Self::CallsTakeEffect => "the log, the vote and the committed log id are what the calls made of them",
            Self::ReadsComplete => "a read returns all entries of its range, a limited read the first ones",
            Self::CallbackRuns => "the callback of every append runs",
            Self::AppendDurable => "an entry is durable when its callback runs",
            Self::VoteDurable => "a vote is durable when `save_vote` returns",
            Self::TruncationDurable => "a truncation is durable when `truncate_after` returns",
            Self::WritesInOrder => "appends, votes and truncations become durable in the order of the calls",
            Self::PurgeWhole => {
                "a purge that a restart finds has removed its entries, one that it does not has left them"
            }
            Self::CommittedSaved => "the committed log id is one that was saved, or none",
            Self::HolesRefused => "a hole in the log is an error, when it is appended or when it is read",
            Self::NoHoles => "the log is one run of entries, right behind the last purged one",
            Self::KeysStable => "a key is the same each time it is made",
            Self::LogKeysAscend => "log keys sort bytewise as their indexes do",
            Self::LogIndexInverts => {
                "`log_index` returns the index of a log key of the group, and `None` for any other key"
            }
            Self::LogKeysApart => "no log key of one group lies between the first and the last of another",
            Self::MetaKeysDiffer => "the meta keys of all groups and labels differ from one another",
        }
    }

    /// Who relies on it, and what goes wrong without.
    pub fn reason(self) -> &'static str {
        match self {
            Self::OpenraftSuite => "openraft is tested with stores that pass it",
            Self::CallsSucceed => "openraft stops the node at the first error of its storage",
            Self::AppendReadable => "openraft replicates and applies entries before they are durable",
            Self::CallsTakeEffect => "openraft does not keep a log of its own",
            Self::ReadsComplete => "openraft takes a shorter result for the end of the log, or for damage",
            Self::CallbackRuns => "openraft commits no entry before a quorum's callbacks ran",
            Self::AppendDurable => "openraft counts the entry for the quorum, and a committed entry could be lost",
            Self::VoteDurable => {
                "a node that forgets its vote can give another one, and two leaders be elected in one term"
            }
            Self::TruncationDurable => {
                "openraft goes on at once, and an entry that comes back contradicts what was applied instead"
            }
            Self::WritesInOrder => "openraft takes a durable write for proof that all writes before it are",
            Self::PurgeWhole => "the log would begin with entries that nobody has any more, and the node not start",
            Self::CommittedSaved => "openraft applies up to it when it starts, and the entry may not be committed",
            Self::HolesRefused | Self::NoHoles => {
                "openraft compares the last log id alone, and would take a log with a hole for a whole one"
            }
            Self::KeysStable => "what is on disk could not be found again",
            Self::LogKeysAscend => "the store reads, truncates and purges ranges of keys",
            Self::LogIndexInverts => "the store finds the ends of a log by its keys",
            Self::LogKeysApart => {
                "the store truncates and purges ranges of keys, and would remove those of the other group"
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

/// A [`Rule`] that is broken, and how it was found out.
///
/// Its message has all of it:
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
///      otherwise: the store truncates and purges ranges of keys, and would remove those of the other group",
/// );
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What is broken.
    pub rule: Rule,
    /// What was found instead.
    pub found: String,
    /// The seed of a random sequence of calls: [`LogStoreOptions::seed`](super::LogStoreOptions::seed), with one
    /// history, repeats it.
    pub seed: Option<u64>,
    /// The calls on a blank log store that lead there, in order.
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
