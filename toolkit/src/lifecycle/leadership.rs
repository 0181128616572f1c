use std::pin::pin;

use futures_util::future::{self, Either};
use futures_util::stream::{self, FusedStream, StreamExt};
use openraft::alias::{NodeIdOf, TermOf, WatchOf, WatchReceiverOf};
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use openraft::storage::RaftStateMachine;
use openraft::{OptionalSend, Raft, RaftMetrics, RaftTypeConfig, ServerState};

/// What a node is in its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadershipState<C: RaftTypeConfig> {
    /// It won the election of this term.
    ///
    /// Another node may have won a later one without this node having heard of it: what only the
    /// leader may do goes through the log, or after
    /// [`Raft::ensure_linearizable`](openraft::Raft::ensure_linearizable).
    Leader {
        /// The term it leads in.
        term: TermOf<C>,
    },
    /// It is a voter, and replicates from a leader where there is one.
    Follower {
        /// The latest term it knows of.
        term: TermOf<C>,
        /// The leader of that term, once it is known.
        leader: Option<NodeIdOf<C>>,
    },
    /// It asks for votes.
    Candidate {
        /// The term it wants to lead in.
        term: TermOf<C>,
    },
    /// It has no vote: it was added as a learner, was removed, or waits to be added.
    Learner,
    /// It stopped, of its own or by a fatal error. Nothing follows.
    Shutdown,
}

impl<C: RaftTypeConfig> LeadershipState<C> {
    fn of(metrics: &RaftMetrics<C>) -> Self {
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

/// The leadership of `raft`'s node: the current state at once, then every change of it.
///
/// A state is never repeated. Where several changes happen between two polls, only the last one is
/// seen: the stream is always about now, however slowly it is read, and holds nothing back. After
/// [`LeadershipState::Shutdown`] it ends, and stays ended when polled again.
///
/// It costs nothing while the role stays: its reader is woken for changes of role, vote or
/// membership alone, however much is written and replicated meanwhile.
///
/// The stream does not keep the node running and does not borrow `raft`. It works on any runtime of
/// openraft, since it rests on nothing but [`Raft::metrics`](openraft::Raft::metrics) and
/// [`Raft::server_metrics`](openraft::Raft::server_metrics). To do a job while this node leads, see
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

/// [`leadership_events`] for those who hold a metrics receiver rather than the `Raft` itself.
///
/// `metrics` is what [`Raft::metrics`](openraft::Raft::metrics) returns, of any runtime. It has no part
/// that changes with the role alone, so that the reader's task is woken for each of its changes,
/// to find that nothing is to be reported.
///
/// # Examples
///
/// A task can be tested without a node:
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
            // The sender goes when the node does, with or without a last word.
            if watched.changed::<C>().await.is_none() {
                return Some((LeadershipState::Shutdown, (watched, Some(LeadershipState::Shutdown))));
            }
        }
    });
    Box::pin(changes).fuse()
}

/// What is to be looked at, and what says when.
struct Watched<M, S> {
    metrics: M,
    /// It changes when the role does, and seldom else. It does not do by itself: its vote is the one
    /// on disk, which trails the role, so that a candidate would show under the term before its own.
    server: Option<S>,
}

impl<M, S> Watched<M, S> {
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

    /// Where `metrics` and `server` are from different moments, which openraft sends one after the
    /// other, waits for the one that is behind.
    async fn state<C>(&mut self) -> LeadershipState<C>
    where
        C: RaftTypeConfig,
        M: WatchReceiver<WatchOf<C>, RaftMetrics<C>>,
        S: WatchReceiver<WatchOf<C>, RaftServerMetrics<C>>,
    {
        loop {
            let Some(server) = &mut self.server else {
                return LeadershipState::of(&*self.metrics.borrow_and_update());
            };
            let seen = server.borrow_and_update().clone();
            {
                let metrics = self.metrics.borrow_and_update();
                // What stops a node is told to `metrics` alone.
                if metrics.running_state.is_err() || same_moment(&metrics, &seen) {
                    return LeadershipState::of(&*metrics);
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

fn same_moment<C: RaftTypeConfig>(metrics: &RaftMetrics<C>, server: &RaftServerMetrics<C>) -> bool {
    metrics.state == server.state && metrics.current_leader == server.current_leader && metrics.vote == server.vote
}
