use std::pin::pin;

use futures_util::future::{self, Either};
use futures_util::{Stream, StreamExt};
use openraft::RaftTypeConfig;
use openraft::alias::TermOf;

use super::LeadershipState;

/// Runs `task` while this node leads: anew in each term, never twice at a time, and not a moment
/// longer.
///
/// `events` are those of [`leadership_events`](super::leadership_events). When they say that this node
/// leads, `task` is called with the term, and its future polled. At the next event, whatever it is,
/// that future is dropped, unfinished as it may be, before anything else happens: a task of the next
/// term starts after the one of the last is gone. To end it all, drop the future of this function.
///
/// - A task that returns `Ok` is done for its term. It starts again in the next one that this node
///   leads in.
/// - A task that returns an error ends this function, with that error.
/// - A task that panics unwinds through this function, which spawns nothing.
/// - When the node stops, the task is dropped and this function returns `Ok`.
///
/// It is one future for the caller to await or spawn, on any runtime. A future is cancelled where it
/// awaits: a task that blocks, computes for long without awaiting, or spawns others, goes on for as
/// long as that takes. Keep what must end with the leadership inside the future.
///
/// # It is not a distributed lock
///
/// It keeps one node from running the task twice. It does not keep two nodes from running it at the
/// same time: a leader that is cut off, or paused, learns late that another one was elected, see
/// [`LeadershipState::Leader`]. So what a task does outside of the cluster needs a fencing token, which
/// the receiver compares with the highest one that it has seen: the term, and the id of the node
/// after it, as openraft may have several leaders in a term, of which one with a higher id deposes the
/// others. (Where the type config has one leader a term, `leader_id_std`, the term alone will do.)
/// What a task writes through raft needs none, as a deposed leader cannot commit.
///
/// # Errors
///
/// The first error that a task returns.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{leadership_events, while_leader};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// # async fn send_due_mails<C: RaftTypeConfig>(_fencing_token: (&C::Term, &C::NodeId)) -> std::io::Result<()> { Ok(()) }
///
/// /// Awaited or spawned beside the server of this node.
/// async fn mailer<C: RaftTypeConfig, SM: RaftStateMachine<C>>(raft: &Raft<C, SM>) -> std::io::Result<()> {
///     while_leader(leadership_events(raft), |term| async move {
///         loop {
///             send_due_mails::<C>((&term, raft.node_id())).await?;
///         }
///     })
///     .await
/// }
/// ```
pub async fn while_leader<C, S, F, Fut, E>(events: S, mut task: F) -> Result<(), E>
where
    C: RaftTypeConfig,
    S: Stream<Item = LeadershipState<C>>,
    F: FnMut(TermOf<C>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let mut events = pin!(events);
    let mut next = events.next().await;
    while let Some(state) = next {
        let LeadershipState::Leader { term } = state else {
            next = events.next().await;
            continue;
        };
        let running = pin!(task(term));
        // The event first: once leadership is gone, the task is not polled again.
        next = match future::select(events.next(), running).await {
            Either::Left((event, _)) => event,
            Either::Right((done, event)) => {
                done?;
                event.await
            }
        };
    }
    Ok(())
}
