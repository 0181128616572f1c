//! Runs a task while a node leads.

use std::pin::pin;

use futures_util::future::{self, Either};
use futures_util::{Stream, StreamExt};
use openraft::RaftTypeConfig;
use openraft::alias::TermOf;

use super::leadership::LeadershipState;

/// Runs `task` while this node leads: once in each term, and never two tasks at a time.
///
/// `events` is the stream of [`leadership_events`](super::leadership_events). When the stream reports that this node
/// leads, the function calls `task` with the term and polls the returned future. At the next event of any kind, the
/// function drops that future, whether it is finished or not, before it does anything else. So the task of a term is
/// gone before the task of the next term starts. To end everything, drop the future of this function.
///
/// - A task that returns `Ok` is done for its term. A new task starts in the next term in which this node leads.
/// - A task that returns an error ends this function with that error.
/// - If a task panics, the panic reaches the caller of this function, because the function spawns nothing.
/// - When the node stops, the task is dropped, and this function returns `Ok`.
///
/// The caller awaits or spawns the future of this function, on any runtime. A future can be dropped only while it
/// awaits. So a task that blocks, or computes for long without awaiting, ends late. Whatever the task has spawned does
/// not end with it. Keep everything that must end with the leadership inside the future of the task.
///
/// # Not a distributed lock
///
/// The function prevents one node from running two tasks at a time. It does not prevent two nodes from running a task
/// at the same time: a leader that is cut off or paused learns late that another node was elected; see
/// [`LeadershipState::Leader`].
///
/// - What a task writes through raft is safe, because a deposed leader cannot commit.
/// - Everything that a task does outside of the cluster needs a fencing token. The receiver compares the token with the
///   highest token that it has seen, and refuses a lower one.
///
/// The token is a pair: the term first, and the id of this node second. The term alone is not enough, because openraft
/// allows several leaders in one term: a leader with a higher id deposes a leader with a lower one. With a type config
/// that allows only one leader in a term (`leader_id_std`), the term alone is a token.
///
/// # Errors
///
/// Returns the first error that a task returns.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::lifecycle::{leadership_events, while_leader};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
/// # async fn send_due_mails<C: RaftTypeConfig>(_fencing_token: (&C::Term, &C::NodeId)) -> std::io::Result<()> { Ok(()) }
///
/// /// Sends mails while this node leads. Await or spawn it beside the node's server.
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
        // Poll the events first, so that the task is not polled again once the leadership has ended.
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
