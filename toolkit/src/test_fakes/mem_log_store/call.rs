//! The calls that a test can make fail, delay or hold.

use std::fmt;

/// A call on a [`MemLogStore`](super::MemLogStore) that a test can make fail, delay or hold: a method of openraft's
/// [`RaftLogStorage`](openraft::storage::RaftLogStorage) or [`RaftLogReader`](openraft::storage::RaftLogReader), or the
/// callback of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogStoreCall {
    /// `append`, before anything is written.
    Append,
    /// The sync of an append, and the callback of that append. A fault here neither delays nor fails `append` itself:
    /// the callback runs later, or with an error.
    Callback,
    /// `save_vote`.
    SaveVote,
    /// `save_committed`.
    SaveCommitted,
    /// `truncate_after`.
    TruncateAfter,
    /// `purge`.
    Purge,
    /// A read of entries, as a `Vec` or as a stream. A stream is one call, which is made when the stream is opened.
    ReadEntries,
    /// A read of the vote, the committed log id or the log state. A node makes these reads when it starts.
    ReadState,
}

impl fmt::Display for LogStoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "an append",
            Self::Callback => "the sync of an append",
            Self::SaveVote => "saving the vote",
            Self::SaveCommitted => "saving the committed log id",
            Self::TruncateAfter => "a truncation",
            Self::Purge => "a purge",
            Self::ReadEntries => "a read of entries",
            Self::ReadState => "a read of the log's state",
        })
    }
}
