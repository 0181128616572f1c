//! The kinds of RPCs, and what became of the RPCs of one kind on one link.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use openraft::RPCTypes;

/// A kind of RPC of [`RaftNetworkV2`](openraft::RaftNetworkV2), which [`MemNetwork`](super::MemNetwork) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RpcKind {
    /// A batch of entries, or a heartbeat without entries.
    AppendEntries,
    /// A request for a vote.
    Vote,
    /// A question whether the target would grant its vote. It changes nothing on the target.
    PreVote,
    /// A whole snapshot.
    FullSnapshot,
    /// The leader's announcement that it hands its leadership to one node. openraft sends it to every other voter.
    TransferLeader,
}

impl RpcKind {
    /// All kinds.
    pub const ALL: [RpcKind; 5] = [
        Self::AppendEntries,
        Self::Vote,
        Self::PreVote,
        Self::FullSnapshot,
        Self::TransferLeader,
    ];

    /// Returns the kind as openraft reports it in errors. openraft reports a pre-vote as a vote.
    pub(super) fn action(self) -> RPCTypes {
        match self {
            Self::AppendEntries => RPCTypes::AppendEntries,
            Self::Vote | Self::PreVote => RPCTypes::Vote,
            Self::FullSnapshot => RPCTypes::InstallSnapshot,
            Self::TransferLeader => RPCTypes::TransferLeader,
        }
    }
}

/// Shows the name of the call, such as `append_entries`.
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
/// [`MemNetwork::counts`](super::MemNetwork::counts) returns the counts of one link and kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcCounts {
    /// Calls that were sent. A call that was refused at once is counted only in `unreachable`.
    pub sent: u64,
    /// Requests that reached the target's `Raft`, including duplicates.
    pub delivered: u64,
    /// Calls whose answer reached the sender in time. A duplicated request counts once.
    pub answered: u64,
    /// Requests that were lost on their way: dropped by a fault, stopped by a partition, or sent to a node that is no
    /// longer registered when they arrive. A snapshot that was interrupted, or whose sender or target crashed, counts
    /// as lost.
    pub requests_lost: u64,
    /// Answers that were lost by a fault, a partition, or a crash of the node that answers. An answer that is only late
    /// is not lost.
    pub answers_lost: u64,
    /// Requests of which a second copy was sent.
    pub duplicated: u64,
    /// Calls that got no answer within their time-to-live.
    pub timed_out: u64,
    /// Calls that were refused at once, because of a partition, a target that is not registered, or a sender that has
    /// crashed.
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

/// Shows `12 sent, 11 delivered, 10 answered`, and each other count that is not zero.
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
