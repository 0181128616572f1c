//! The role of a node in its cluster, as a stream.

use std::pin::pin;

use futures_util::future::{self, Either};
use futures_util::stream::{self, FusedStream, StreamExt};
use openraft::alias::{NodeIdOf, TermOf, WatchOf, WatchReceiverOf};
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use openraft::storage::RaftStateMachine;
use openraft::{OptionalSend, Raft, RaftMetrics, RaftTypeConfig, ServerState};

/// The role of a node in its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadershipState<C: RaftTypeConfig> {
    /// The node won the election of this term.
    ///
    /// Another node may have won a later election, of which this node has not heard yet. So if only the leader may do
    /// something, do it through the log, or after [`Raft::ensure_linearizable`](openraft::Raft::ensure_linearizable).
    Leader {
        /// The term in which the node leads.
        term: TermOf<C>,
    },
    /// The node is a voter, and follows the leader if there is one.
    Follower {
        /// The latest term that the node knows of.
        term: TermOf<C>,
        /// The leader of that term, once it is known.
        leader: Option<NodeIdOf<C>>,
    },
    /// The node asks for votes.
    Candidate {
        /// The term in which the node wants to lead.
        term: TermOf<C>,
    },
    /// The node is not a voter: it was added as a learner, was removed, or waits to be added.
    Learner,
    /// The node has stopped, because it was shut down or had a fatal error. No other state follows.
    Shutdown,
}

impl<C: RaftTypeConfig> LeadershipState<C> {
    /// Reads the role from metrics.
    fn from_metrics(metrics: &RaftMetrics<C>) -> Self {
        let term = metrics.current_term;
        if metrics.running_state.is_err() {
            return Self::Shutdown;
        }
        match metrics.state {
            ServerState::Leader => Self::Leader { term },
            ServerState::Follower => Self::Follower {
                term,
                leader: metrics.current_leader.clone(),
            },
            ServerState::Candidate => Self::Candidate { term },
            ServerState::Learner => Self::Learner,
            ServerState::Shutdown => Self::Shutdown,
        }
    }
}

/// Returns a stream of the roles of `raft`'s node: the current role at once, and then each change.
///
/// The stream never yields the same role twice in a row. If several changes happen between two polls, the stream yields
/// only the role after the last change, so a slow reader, too, sees the present role. After
/// [`LeadershipState::Shutdown`] the stream ends, and stays ended when it is polled again.
///
/// The reader's task is woken when the role, the vote or the membership changes. It is not woken by each write or each
/// replicated entry.
///
/// The stream does not keep the node running, and does not borrow `raft`. It works on any runtime of openraft, because
/// it only uses [`Raft::metrics`](openraft::Raft::metrics) and
/// [`Raft::server_metrics`](openraft::Raft::server_metrics). To run a task while this node leads, use
/// [`while_leader`](super::while_leader).
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use openraft_toolkit::lifecycle::{LeadershipState, leadership_events};
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::openraft::{Raft, RaftTypeConfig};
///
/// async fn log_leadership<C: RaftTypeConfig, SM: RaftStateMachine<C>>(raft: &Raft<C, SM>) {
///     let mut events = leadership_events(raft);
///     while let Some(state) = events.next().await {
///         match state {
///             LeadershipState::Leader { term } => println!("leading in term {term}"),
///             LeadershipState::Follower { leader: Some(leader), .. } => println!("following {leader}"),
///             LeadershipState::Shutdown => println!("stopped"),
///             _ => println!("no leader to be seen"),
///         }
///     }
/// }
/// ```
pub fn leadership_events<C, SM>(
    raft: &Raft<C, SM>,
) -> impl FusedStream<Item = LeadershipState<C>> + Unpin + OptionalSend + 'static + use<C, SM>
where
    C: RaftTypeConfig,
    SM: RaftStateMachine<C>,
{
    changes(Watched {
        metrics: raft.metrics(),
        server: Some(raft.server_metrics()),
    })
}

/// Returns the stream of [`leadership_events`] to code that has a metrics receiver and no `Raft`.
///
/// `metrics` is the receiver that [`Raft::metrics`](openraft::Raft::metrics) returns, on any runtime. These metrics
/// change with every write. So each write wakes the reader's task, which goes back to sleep if the role has not
/// changed.
///
/// # Examples
///
/// Tests code that reads this stream, without a node:
///
/// ```
/// # openraft_toolkit::declare_raft_types_ext! {
/// #     pub TypeConfig: Node = (), AppData = String, AppDataResponse = ()
/// # }
/// use futures_util::StreamExt;
/// use openraft_toolkit::lifecycle::{LeadershipState, leadership_events_from_metrics};
/// use openraft_toolkit::openraft::type_config::TypeConfigExt;
/// use openraft_toolkit::openraft::{RaftMetrics, ServerState, WatchSender};
///
/// # #[tokio::main]
/// # async fn main() {
/// let mut metrics = RaftMetrics::<TypeConfig>::new_initial(1);
/// let (tx, rx) = TypeConfig::watch_channel(metrics.clone());
/// let mut events = leadership_events_from_metrics(rx);
/// assert_eq!(events.next().await, Some(LeadershipState::Learner));
///
/// metrics.state = ServerState::Leader;
/// metrics.current_term = 3;
/// tx.send(metrics).unwrap();
/// assert_eq!(events.next().await, Some(LeadershipState::Leader { term: 3 }));
///
/// drop(tx);
/// assert_eq!(events.next().await, Some(LeadershipState::Shutdown));
/// assert_eq!(events.next().await, None);
/// # }
/// ```
pub fn leadership_events_from_metrics<C: RaftTypeConfig>(
    metrics: impl WatchReceiver<WatchOf<C>, RaftMetrics<C>> + 'static,
) -> impl FusedStream<Item = LeadershipState<C>> + Unpin + OptionalSend + 'static {
    changes(Watched {
        metrics,
        server: None::<WatchReceiverOf<C, RaftServerMetrics<C>>>,
    })
}

/// Returns the roles that `watched` shows, without returning a role twice in a row.
fn changes<C, M, S>(
    watched: Watched<M, S>,
) -> impl FusedStream<Item = LeadershipState<C>> + Unpin + OptionalSend + 'static
where
    C: RaftTypeConfig,
    M: WatchReceiver<WatchOf<C>, RaftMetrics<C>> + 'static,
    S: WatchReceiver<WatchOf<C>, RaftServerMetrics<C>> + 'static,
{
    let changes = stream::unfold((watched, None), |(mut watched, last)| async move {
        if last == Some(LeadershipState::Shutdown) {
            return None;
        }
        loop {
            let now = watched.state::<C>().await;
            if last.as_ref() != Some(&now) {
                return Some((now.clone(), (watched, Some(now))));
            }
            // `None`: the sender of the metrics is dropped, so the node is gone. Report the shutdown here, because the
            // metrics may not have shown it.
            if watched.changed::<C>().await.is_none() {
                return Some((LeadershipState::Shutdown, (watched, Some(LeadershipState::Shutdown))));
            }
        }
    });
    Box::pin(changes).fuse()
}

/// The metrics from which the role is read.
struct Watched<M, S> {
    /// The source of the role and the term. Changes with every write.
    metrics: M,
    /// Tells when to read `metrics`: `server` changes with the role, the vote and the membership. If `server` is
    /// `None`, `metrics` is read after each of its own changes.
    ///
    /// The role is not read from `server`, because `server` has no term except that of its vote, and this is the vote
    /// on disk. For a moment, that vote is older than the role: a candidate would appear in the term before its own.
    server: Option<S>,
}

impl<M, S> Watched<M, S> {
    /// Waits for the next change that may be a change of the role. Returns `None` once the sender of the metrics is
    /// dropped.
    async fn changed<C>(&mut self) -> Option<()>
    where
        C: RaftTypeConfig,
        M: WatchReceiver<WatchOf<C>, RaftMetrics<C>>,
        S: WatchReceiver<WatchOf<C>, RaftServerMetrics<C>>,
    {
        let changed = match &mut self.server {
            Some(server) => server.changed().await,
            None => self.metrics.changed().await,
        };
        changed.ok()
    }

    /// Returns the present role. openraft updates `metrics` and `server` one after the other, so if the two differ,
    /// this function waits until they show the same state, leader and vote, or until the node has stopped.
    async fn state<C>(&mut self) -> LeadershipState<C>
    where
        C: RaftTypeConfig,
        M: WatchReceiver<WatchOf<C>, RaftMetrics<C>>,
        S: WatchReceiver<WatchOf<C>, RaftServerMetrics<C>>,
    {
        loop {
            let Some(server) = &mut self.server else {
                return LeadershipState::from_metrics(&*self.metrics.borrow_and_update());
            };
            let seen = server.borrow_and_update().clone();
            {
                let metrics = self.metrics.borrow_and_update();
                // Only `metrics` shows that the node has stopped.
                if metrics.running_state.is_err() || same_moment(&metrics, &seen) {
                    return LeadershipState::from_metrics(&*metrics);
                }
            }
            let (metrics, server) = (pin!(self.metrics.changed()), pin!(server.changed()));
            let (Either::Left((changed, _)) | Either::Right((changed, _))) = future::select(metrics, server).await;
            if changed.is_err() {
                return LeadershipState::Shutdown;
            }
        }
    }
}

/// Returns whether both metrics show the same state, leader and vote.
fn same_moment<C: RaftTypeConfig>(metrics: &RaftMetrics<C>, server: &RaftServerMetrics<C>) -> bool {
    metrics.state == server.state && metrics.current_leader == server.current_leader && metrics.vote == server.vote
}
