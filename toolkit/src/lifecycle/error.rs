//! The errors of starting a node, changing members, waiting for a leader that accepts writes, and writing. Each message
//! says what to do.

use std::time::Duration;

use openraft::RaftTypeConfig;
use openraft::alias::{ChangeMembershipErrorOf, InProgressOf, NodeIdOf, NodeOf};
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, EmptyMembership, Fatal, ForwardToLeader, InitializeError, LearnerNotFound,
    NotInMembers, PreconditionFailed, QuorumNotEnough, RaftError,
};

use super::redirect::{leader_of, redirect};
use crate::codec::CodecError;

/// Why [`bootstrap`](super::bootstrap()) or [`bootstrap_checked`](super::bootstrap_checked) failed.
///
/// Do not let peers or clients reach the node, and shut it down with [`Raft::shutdown`](openraft::Raft::shutdown). Its
/// storage is unchanged, unless the error is [`Fatal`](Self::Fatal).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError<C: RaftTypeConfig> {
    /// [`BootstrapMode::Fresh`](super::BootstrapMode::Fresh) found storage that is not blank: it has a vote, a log or
    /// applied entries.
    ///
    /// The node's [`metrics`](openraft::Raft::metrics) show the vote and the last log index.
    #[error(
        "the storage already belongs to a cluster; help: start with `Reopen` or `Join` to resume it, or open blank storage to create a new cluster"
    )]
    UnexpectedExistingState,
    /// [`BootstrapMode::Reopen`](super::BootstrapMode::Reopen) found blank storage.
    #[error(
        "the storage is blank, so there is nothing to reopen; help: check that its path is right and mounted; if the data is lost, remove this node from the voters and start a node with a new id with `Join`"
    )]
    NoExistingState,
    /// [`BootstrapMode::Fresh`](super::BootstrapMode::Fresh) or [`Static`](super::BootstrapMode::Static) has empty
    /// `initial_members`.
    #[error("`initial_members` is empty; help: name at least this node, and how to reach it")]
    NoInitialMembers,
    /// [`BootstrapMode::Fresh`](super::BootstrapMode::Fresh) names members, but not this node.
    #[error(
        "node {node_id} is not one of the initial members; help: add it to `initial_members`, or start it with `Join`"
    )]
    NotInitialMember {
        /// The id of this node.
        node_id: NodeIdOf<C>,
        /// openraft's error.
        source: NotInMembers<C>,
    },
    /// This node is blank and was about to form the cluster, but another initial member has state: a cluster exists
    /// already. Only [`bootstrap_checked`](super::bootstrap_checked) returns this.
    #[error(
        "the storage is blank, and node {node_id} already belongs to a cluster of these members; help: check that the path of the storage is right and mounted; if the data is lost, remove this node from the voters and start a node with a new id with `Join`"
    )]
    AlreadyFormed {
        /// The node that has state.
        node_id: NodeIdOf<C>,
    },
    /// This node has stopped, before or during the call.
    #[error("the node has stopped; help: see the cause, and build a new `Raft` once it is dealt with")]
    Fatal {
        /// Why the node stopped.
        source: Fatal<C>,
    },
}

impl<C: RaftTypeConfig> From<Fatal<C>> for BootstrapError<C> {
    fn from(source: Fatal<C>) -> Self {
        Self::Fatal { source }
    }
}

impl<C: RaftTypeConfig> From<RaftError<C, InitializeError<C>>> for BootstrapError<C> {
    fn from(error: RaftError<C, InitializeError<C>>) -> Self {
        match error {
            RaftError::APIError(InitializeError::NotAllowed(_)) => Self::UnexpectedExistingState,
            RaftError::APIError(InitializeError::NotInMembers(source)) => Self::NotInitialMember {
                node_id: source.node_id.clone(),
                source,
            },
            RaftError::Fatal(source) => Self::Fatal { source },
        }
    }
}

/// Why the membership did not change.
///
/// The errors of openraft's own calls convert into this type. So code that calls openraft directly, such as
/// [`Raft::change_membership_if`](openraft::Raft::change_membership_if), can match on this type too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError<C: RaftTypeConfig> {
    /// This node does not lead, has lost the majority, or is handing leadership over.
    ///
    /// If this error interrupts a [`change_membership`](super::change_membership), the first of its two steps may have
    /// taken effect. The same call on the leader completes the change.
    #[error("this node is not the leader; help: {}", redirect(.leader))]
    NotLeader {
        /// The node to send the change to: the leader, or the node that is about to lead. `None` if this node knows of
        /// neither, or knows its id but not how to reach it.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// An earlier membership change is not committed yet.
    #[error("a membership change is in progress; help: try again once it is committed")]
    InProgress {
        /// openraft's error, with the log id of the membership change that is not committed yet.
        source: InProgressOf<C>,
    },
    /// A node that is to become a voter is not in the cluster. Make the node a learner first.
    #[error("node {node_id} is not in the cluster; help: bring it in with `add_learner` before making it a voter")]
    LearnerNotFound {
        /// The missing node.
        node_id: NodeIdOf<C>,
        /// openraft's error.
        source: LearnerNotFound<NodeIdOf<C>>,
    },
    /// The learner did not catch up before the deadline. The learner stays a learner, and keeps catching up.
    ///
    /// Only [`promote_learner`](super::promote_learner) and [`replace_voter`](super::replace_voter) return this.
    #[error(
        "node {node_id} was {lag} entries behind after {deadline:?}, and {max_lag} are allowed; \
         help: check that it is up and reachable, and call again"
    )]
    Lagging {
        /// The learner.
        node_id: NodeIdOf<C>,
        /// How many entries of the leader's log the learner lacks, as far as the leader knows.
        lag: u64,
        /// How many entries the caller allows the learner to lack.
        max_lag: u64,
        /// How long the call waited.
        deadline: Duration,
    },
    /// The node that is to be replaced is not a voter. Only [`replace_voter`](super::replace_voter) returns this.
    #[error(
        "node {node_id} is not a voter, so it cannot be replaced as one; help: to add a voter, use `promote_learner`"
    )]
    VoterNotFound {
        /// The node that is not a voter.
        node_id: NodeIdOf<C>,
    },
    /// A voter is to be replaced by itself. Only [`replace_voter`](super::replace_voter) returns this.
    #[error(
        "node {node_id} cannot be replaced by itself; help: a voter that lost its disk must come back under an id that the cluster has never had"
    )]
    ReplacedByItself {
        /// The voter.
        node_id: NodeIdOf<C>,
    },
    /// The change would leave no voters.
    #[error("the set of voters is empty; help: name at least one voter")]
    EmptyVoters {
        /// openraft's error.
        source: EmptyMembership,
    },
    /// Another membership change was made between the two steps of this change. If the error comes from a call of
    /// openraft that takes preconditions, such as `Raft::change_membership_if`, it may mean instead that one of these
    /// preconditions did not hold.
    ///
    /// The membership may still be a joint one. Until the other change ends or this change is repeated, the cluster
    /// then needs both a majority of the old voters and a majority of the new voters.
    #[error("another membership change overtook this one; help: look at the membership, then decide again")]
    Overtaken {
        /// openraft's error.
        source: PreconditionFailed<C>,
    },
    /// Another node became the leader while this node replicated the membership change, and this node dropped the
    /// change from its own log. The new leader may have the change, so it may or may not be committed.
    #[error("leadership was lost before the change was committed, so its outcome is unknown; help: {}, and look at the membership there", redirect(.leader))]
    OutcomeUnknown {
        /// The new leader, or `None` if this node does not know it, or not how to reach it.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// The node's release cannot read what the cluster writes. Only
    /// [`add_learner_checked`](super::add_learner_checked) returns this.
    #[error(
        "node {node_id} reads versions up to {newest}, and the cluster writes at level {level}; \
         help: start it with a newer release{}",
        if .not_removed.is_some() { ", or remove it: it is a learner by now" } else { ", then add it" }
    )]
    TooOld {
        /// The node that is too old.
        node_id: NodeIdOf<C>,
        /// The newest level that the node's release reads.
        newest: u8,
        /// The level at which the leader writes.
        level: u8,
        /// Why the node could not be removed again after the call had added it. `None` if the node was removed again,
        /// was a member before the call, or was not added, because its release was too old from the start.
        not_removed: Option<Box<MembershipError<C>>>,
    },
    /// The change breaks a rule of [`Raft::append_membership`](openraft::Raft::append_membership).
    ///
    /// [`change_membership`](super::change_membership) and [`add_learner`](super::add_learner) never return this,
    /// because they make a change in the steps that the rules require.
    #[error("the change cannot be made in one step; help: use `change_membership`, which makes it in two")]
    Rejected {
        /// openraft's error, which names the rule.
        source: ChangeMembershipErrorOf<C>,
    },
    /// This node has stopped, before or during the call.
    #[error("the node has stopped; help: see the cause, and send the change to another node")]
    Fatal {
        /// Why the node stopped.
        source: Fatal<C>,
    },
}

impl<C: RaftTypeConfig> From<RaftError<C, ClientWriteError<C>>> for MembershipError<C> {
    fn from(error: RaftError<C, ClientWriteError<C>>) -> Self {
        match error {
            RaftError::APIError(error) => error.into(),
            RaftError::Fatal(source) => Self::Fatal { source },
        }
    }
}

impl<C: RaftTypeConfig> From<ClientWriteError<C>> for MembershipError<C> {
    fn from(error: ClientWriteError<C>) -> Self {
        match error {
            ClientWriteError::ForwardToLeader(source) => Self::NotLeader {
                leader: leader_of(&source),
                source,
            },
            ClientWriteError::LogEntryDiscarded(source) => Self::OutcomeUnknown {
                leader: leader_of(&source),
                source,
            },
            ClientWriteError::ChangeMembershipError(error) => error.into(),
            ClientWriteError::PreconditionFailed(source) => Self::Overtaken { source },
        }
    }
}

impl<C: RaftTypeConfig> From<ChangeMembershipErrorOf<C>> for MembershipError<C> {
    fn from(error: ChangeMembershipErrorOf<C>) -> Self {
        match error {
            ChangeMembershipError::InProgress(source) => Self::InProgress { source },
            ChangeMembershipError::EmptyMembership(source) => Self::EmptyVoters { source },
            ChangeMembershipError::LearnerNotFound(source) => Self::LearnerNotFound {
                node_id: source.node_id.clone(),
                source,
            },
            source @ (ChangeMembershipError::UnsupportedMembershipTransition(_)
            | ChangeMembershipError::UncommittedLeaderLog(_)
            | ChangeMembershipError::NodeMetadataChanged(_)) => Self::Rejected { source },
        }
    }
}

/// Why [`wait_writable`](super::wait_writable) returned before this node accepted writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WritableError<C: RaftTypeConfig> {
    /// This node does not lead, or is handing leadership over. Another node leads or is about to lead, or no leader was
    /// elected before the deadline.
    #[error("this node is not the leader; help: {}", redirect(.leader))]
    NotLeader {
        /// The node to send writes to, or `None` if this node knows of no leader, or not how to reach it.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// This node leads, and no majority acknowledged its leadership before the deadline.
    #[error(
        "this node leads, and no majority acknowledged it within {deadline:?}; help: check that a majority of the voters is up and reachable, or call again"
    )]
    NoQuorum {
        /// How long the call waited.
        deadline: Duration,
        /// openraft's error, which names the nodes that acknowledged this node's leadership.
        source: QuorumNotEnough<C>,
    },
    /// This node has stopped, before or during the call.
    #[error("the node has stopped; help: see the cause, and write to another node")]
    Fatal {
        /// Why the node stopped.
        source: Fatal<C>,
    },
}

/// Why [`propose`](super::propose()) or [`propose_at`](super::propose_at) did not return the response of the state
/// machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeError<C: RaftTypeConfig> {
    /// The command cannot be encoded: it is beyond the [limits](crate::codec#limits), does not fit the level, or its
    /// `Serialize` refuses it. Nothing is in any log.
    #[error("the command cannot be written to the log; help: refuse the request of the client")]
    Unencodable {
        /// What is wrong with the command.
        source: CodecError,
    },
    /// The command takes more bytes than an entry of the log may have. Nothing is in any log.
    #[error(
        "the command takes {bytes} bytes, and the limit is {limit}; help: keep large values outside the log, and write a reference to them"
    )]
    TooLarge {
        /// The size of the encoded command in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// This node does not lead, has lost the majority, or is handing leadership over. Nothing is in any log.
    #[error("this node is not the leader; help: {}", redirect(.leader))]
    NotLeader {
        /// The node to send the command to: the leader, or the node that is about to lead. `None` if this node knows of
        /// neither, or knows its id but not how to reach it.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// Another node became the leader while this node replicated the command, and this node dropped the command from
    /// its own log. The new leader may have the command, so it may or may not be committed.
    #[error("leadership was lost before the command was committed, so its outcome is unknown; help: {}, and look whether the command took effect", redirect(.leader))]
    OutcomeUnknown {
        /// The new leader, or `None` if this node does not know it, or not how to reach it.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// openraft refused the command as it refuses changes of the membership. Nothing is in any log.
    ///
    /// `propose` never returns this, because a command changes no membership and has no preconditions. The variant
    /// exists because openraft has one error type for all writes.
    #[error("openraft refused the command; help: see the cause")]
    Rejected {
        /// openraft's error.
        source: ClientWriteError<C>,
    },
    /// This node has stopped, before or during the call. If it stopped during the call, the command may be in its log,
    /// and may or may not be committed.
    #[error("the node has stopped; help: see the cause, and look at another node whether the command took effect")]
    Fatal {
        /// Why the node stopped.
        source: Fatal<C>,
    },
}

impl<C: RaftTypeConfig> From<RaftError<C, ClientWriteError<C>>> for ProposeError<C> {
    fn from(error: RaftError<C, ClientWriteError<C>>) -> Self {
        match error {
            RaftError::APIError(ClientWriteError::ForwardToLeader(source)) => Self::NotLeader {
                leader: leader_of(&source),
                source,
            },
            RaftError::APIError(ClientWriteError::LogEntryDiscarded(source)) => Self::OutcomeUnknown {
                leader: leader_of(&source),
                source,
            },
            RaftError::APIError(
                source @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)),
            ) => Self::Rejected { source },
            RaftError::Fatal(source) => Self::Fatal { source },
        }
    }
}
