//! Waits until a node accepts writes.

use std::time::Duration;

use openraft::alias::CommittedLeaderIdOf;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{Instant, LinearizerOption, Raft, RaftTypeConfig};

use super::error::WritableError;
use super::redirect::leader_of;

/// Waits until this node leads and accepts writes, and returns the id of its leadership. Returns an error as soon as
/// another leader is known.
///
/// A leader refuses writes until a majority has acknowledged its leadership, and again when no majority has
/// acknowledged it for [`Config::election_timeout_max`](openraft::Config::election_timeout_max). `client_write` then
/// fails with [`ForwardReason::LeaseExpired`](openraft::errors::ForwardReason::LeaseExpired), and nothing is written.
/// This call asks the voters at once, without waiting for the next heartbeat, and waits for their answers.
///
/// If no leader is known, for example on a node that has just started, the call first waits until one is elected.
/// `deadline` bounds the whole call.
///
/// The [log id](openraft::raft::ClientWriteResponse::log_id) of the next write contains the same id, if that write
/// succeeds before another node leads. The result may be outdated at once: right after the call, the node may cease to
/// lead or lose the majority.
///
/// The call uses [`Raft::get_read_linearizer`](openraft::Raft::get_read_linearizer), and writes nothing.
///
/// # Errors
///
/// Each variant of [`WritableError`] says when it occurs, and has a message that says what to do.
/// [`WritableError::NotLeader`] is returned as soon as another leader is known, without waiting for the deadline.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::lifecycle::{WritableError, propose, wait_writable};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn first_write<C, SM>(raft: &Raft<C, SM>, command: C::D) -> Result<(), Box<dyn std::error::Error>>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     match wait_writable(raft, Duration::from_secs(5)).await {
///         Ok(_) => drop(propose(raft, command).await?),
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
        // `None`: accept acknowledgements that are at most a lease old, as openraft does before it accepts a write.
        // `true`: if they are older, ask the voters at once.
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
        // Ignore the outcome: the next round reads it from raft.
        let elected = raft.wait(Some(left));
        let elected = elected.metrics(|m| m.current_leader.is_some() || m.running_state.is_err(), "a leader");
        elected.await.ok();
    }
}
