use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use openraft::RPCTypes;

/// The RPCs of [`RaftNetworkV2`](openraft::RaftNetworkV2), told apart for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RpcKind {
    /// Entries, or none: a heartbeat.
    AppendEntries,
    /// A request for a vote.
    Vote,
    /// The question whether a vote would be granted, which changes nothing.
    PreVote,
    /// A whole snapshot.
    FullSnapshot,
    /// The request to become leader.
    TransferLeader,
}

impl RpcKind {
    /// All of them.
    pub const ALL: [RpcKind; 5] = [
        Self::AppendEntries,
        Self::Vote,
        Self::PreVote,
        Self::FullSnapshot,
        Self::TransferLeader,
    ];

    /// openraft has no type of its own for a pre-vote.
    pub(super) fn action(self) -> RPCTypes {
        match self {
            Self::AppendEntries => RPCTypes::AppendEntries,
            Self::Vote | Self::PreVote => RPCTypes::Vote,
            Self::FullSnapshot => RPCTypes::InstallSnapshot,
            Self::TransferLeader => RPCTypes::TransferLeader,
        }
    }
}

/// As in `append_entries`, the name of the call.
impl fmt::Display for RpcKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AppendEntries => "append_entries",
            Self::Vote => "vote",
            Self::PreVote => "pre_vote",
            Self::FullSnapshot => "full_snapshot",
            Self::TransferLeader => "transfer_leader",
        })
    }
}

/// What became of the RPCs that one node sent to another.
///
/// [`MemNetwork::counts`](super::MemNetwork::counts) has them for a link and a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcCounts {
    /// Calls that set out. Those that were refused at once are in `unreachable` alone.
    pub sent: u64,
    /// Requests that the target's `Raft` was given, duplicates included.
    pub delivered: u64,
    /// Answers that the sender got.
    pub answered: u64,
    /// Requests that got lost on their way: dropped, cut off, or cut halfway.
    pub requests_lost: u64,
    /// Answers that got lost on their way.
    pub answers_lost: u64,
    /// Requests of which a second copy was sent.
    pub duplicated: u64,
    /// Calls whose sender waited for its whole time-to-live.
    pub timed_out: u64,
    /// Calls that were refused at once: partitioned, not registered, or stopped.
    pub unreachable: u64,
}

impl Add for RpcCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            delivered: self.delivered + other.delivered,
            answered: self.answered + other.answered,
            requests_lost: self.requests_lost + other.requests_lost,
            answers_lost: self.answers_lost + other.answers_lost,
            duplicated: self.duplicated + other.duplicated,
            timed_out: self.timed_out + other.timed_out,
            unreachable: self.unreachable + other.unreachable,
        }
    }
}

impl Sum for RpcCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}

/// `12 sent, 11 delivered, 10 answered`, and what else is not zero.
impl fmt::Display for RpcCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} delivered, {} answered",
            self.sent, self.delivered, self.answered
        )?;
        let losses = [
            (self.requests_lost, "requests lost"),
            (self.answers_lost, "answers lost"),
            (self.duplicated, "duplicated"),
            (self.timed_out, "timed out"),
            (self.unreachable, "unreachable"),
        ];
        for (count, what) in losses {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
