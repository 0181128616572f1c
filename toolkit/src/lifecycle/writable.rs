use std::time::Duration;

use openraft::alias::{CommittedLeaderIdOf, NodeIdOf, NodeOf};
use openraft::errors::{Fatal, ForwardToLeader, LinearizableReadError, QuorumNotEnough, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{Instant, LinearizerOption, Raft, RaftTypeConfig};

use super::redirect::{leader_of, redirect};

/// Why this node does not take writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WritableError<C: RaftTypeConfig> {
    /// Another node leads, or is about to.
    ///
    /// Where none is known, none was elected before the deadline.
    #[error("this node is not the leader; help: {}", redirect(.leader))]
    NotLeader {
        /// Where to send writes to.
        leader: Option<(NodeIdOf<C>, NodeOf<C>)>,
        /// openraft's error.
        source: ForwardToLeader<C>,
    },
    /// This node leads, and no majority has acknowledged it before the deadline.
    #[error(
        "this node leads, and no majority acknowledged it within {deadline:?}; help: check that a majority of the voters is up and reachable, or ask again"
    )]
    NoQuorum {
        /// How long it was waited for.
        deadline: Duration,
        /// openraft's error, with those that did acknowledge it.
        source: QuorumNotEnough<C>,
    },
    /// The node has stopped.
    #[error("the node has stopped; help: see the cause, and write to another node")]
    Fatal {
        /// Why it stopped.
        source: Fatal<C>,
    },
}

/// Waits until this node leads and takes writes, or until it is clear that another one does.
///
/// A leader refuses writes until a majority has acknowledged its leadership, and again where none did
/// for [`Config::election_timeout_max`](openraft::Config::election_timeout_max): `client_write` then
/// fails with [`ForwardReason::LeaseExpired`](openraft::errors::ForwardReason::LeaseExpired), and nothing
/// was written. This asks the voters at once, rather than at the next heartbeat, and waits for their
/// answer. It waits through an election as well, as on a node that has just been started, for at
/// most `deadline` altogether.
///
/// What it returns is the leadership, in which a write that succeeds next has its
/// [log id](openraft::raft::ClientWriteResponse::log_id). It is a moment's answer: the node may cease to
/// lead, or lose the majority, right after it.
///
/// It rests on [`Raft::get_read_linearizer`](openraft::Raft::get_read_linearizer), and writes nothing.
///
/// # Errors
///
/// Each variant of [`WritableError`] says what to do. [`WritableError::NotLeader`] comes as soon as
/// another leader is known, before the deadline.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{WritableError, wait_writable};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn first_write<C, SM>(raft: &Raft<C, SM>, command: C::D) -> Result<(), Box<dyn std::error::Error>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     match wait_writable(raft, Duration::from_secs(5)).await {
///         Ok(_) => drop(raft.client_write(command).await?),
///         Err(WritableError::NotLeader { leader: Some((id, _)), .. }) => println!("send it to node {id}"),
///         Err(error) => return Err(error.into()),
///     }
///     Ok(())
/// }
/// ```
pub async fn wait_writable<C, SM>(
    raft: &Raft<C, SM>,
    deadline: Duration,
) -> Result<CommittedLeaderIdOf<C>, WritableError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    let started = C::now();
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        // With the age of a lease, which is what openraft asks of a leader that takes a write.
        let acknowledged = LinearizerOption::new(None, true).with_wait_timeout(left);
        let forward = match raft.get_read_linearizer(acknowledged).await {
            Ok(linearizer) => return Ok(linearizer.read_log_id().committed_leader_id().clone()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => forward,
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(source))) => {
                return Err(WritableError::NoQuorum { deadline, source });
            }
            Err(RaftError::Fatal(source)) => return Err(WritableError::Fatal { source }),
        };

        let left = deadline.saturating_sub(started.elapsed());
        if forward.leader_id.is_some() || left.is_zero() {
            return Err(WritableError::NotLeader {
                leader: leader_of(&forward),
                source: forward,
            });
        }
        // Whatever comes of it, the next question tells.
        let elected = raft.wait(Some(left));
        let elected = elected.metrics(|m| m.current_leader.is_some() || m.running_state.is_err(), "a leader");
        elected.await.ok();
    }
}
