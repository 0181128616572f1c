//! Writes commands of clients, after checking that every node can store, send and read them.

use openraft::raft::ClientWriteResponse;
use openraft::storage::RaftStateMachine;
use openraft::{Raft, RaftTypeConfig};

use super::error::ProposeError;
use crate::codec::{CodecError, WireMessage, WriteVersion, encode};

/// The largest command in bytes. The log store accepts entries of 1 GiB, and an entry is larger than its command by the
/// log id and the key.
pub(crate) const MAX_COMMAND: usize = (1 << 30) - (64 << 10);

/// Checks that `command` can be stored and sent, writes it with [`Raft::client_write`], and returns the response of the
/// state machine.
///
/// The check encodes the command as an entry of the log will hold it. If the check fails, nothing is in any log, and
/// the node keeps running. A command that passes fits into every entry and RPC, because the
/// [limits](crate::codec#limits) count each command on its own there.
///
/// # Why not `client_write`
///
/// [`Raft::client_write`] does not look at the command. If the log store then cannot encode the entry, because a value
/// is nested too deep or a `Serialize` refuses it, the append fails. openraft takes this for a broken disk, and the
/// **node stops**. A command that the log store can hold and the network cannot send is worse: it is in the leader's
/// log, no follower ever gets it, and nothing behind it is ever committed. A bad request of one client so ends the
/// service.
///
/// `client_write` is safe for a command that came out of [`WireMessage::decode`], if the command also fits the level of
/// the cluster: see [`propose_at`].
///
/// # Errors
///
/// Each variant of [`ProposeError`] says when it occurs and whether the command may be in a log. Its message says what
/// to do.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{ProposeError, propose};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn write<C, SM>(raft: &Raft<C, SM>, command: C::D) -> Result<C::R, String>
/// where
///     C: RaftTypeConfig,
///     SM: RaftStateMachine<C>,
/// {
///     match propose(raft, command).await {
///         Ok(written) => Ok(written.data),
///         Err(ProposeError::Unencodable { source }) => Err(format!("bad request: {source}")),
///         Err(ProposeError::NotLeader { leader: Some((id, _)), .. }) => Err(format!("ask node {id}")),
///         Err(error) => Err(error.to_string()),
///     }
/// }
/// ```
pub async fn propose<C, SM>(raft: &Raft<C, SM>, command: C::D) -> Result<ClientWriteResponse<C>, ProposeError<C>>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    // The version of the frame does not matter: only the body will be in an entry.
    check(encode(0, &command))?;
    Ok(raft.client_write(command).await?)
}

/// Writes `command` as [`propose`] does, on a node that writes at `level`. Refuses a command that a release of that
/// level cannot read.
///
/// # Errors
///
/// The errors of [`propose`]. If the level has no place for something that the command holds, the error is
/// [`ProposeError::Unencodable`] with [`CodecError::NotRepresentable`].
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{ProposeError, propose_at};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// use openraft_toolkit::{WireMessage, WriteVersion};
///
/// async fn write<C, SM>(raft: &Raft<C, SM>, level: &WriteVersion, command: C::D) -> Result<C::R, ProposeError<C>>
/// where
///     C: RaftTypeConfig<D: WireMessage>,
///     SM: RaftStateMachine<C>,
/// {
///     Ok(propose_at(raft, level, command).await?.data)
/// }
/// ```
pub async fn propose_at<C, SM>(
    raft: &Raft<C, SM>,
    level: &WriteVersion,
    command: C::D,
) -> Result<ClientWriteResponse<C>, ProposeError<C>>
where
    C: RaftTypeConfig<D: WireMessage>,
    SM: RaftStateMachine<C>,
{
    check(level.encode_checked(&command))?;
    Ok(raft.client_write(command).await?)
}

/// Returns an error if the command could not be encoded, or takes too many bytes.
fn check<C: RaftTypeConfig>(encoded: Result<Vec<u8>, CodecError>) -> Result<(), ProposeError<C>> {
    match encoded {
        Err(source) => Err(ProposeError::Unencodable { source }),
        Ok(frame) if frame.len() > MAX_COMMAND => Err(ProposeError::TooLarge {
            bytes: frame.len(),
            limit: MAX_COMMAND,
        }),
        Ok(_) => Ok(()),
    }
}
