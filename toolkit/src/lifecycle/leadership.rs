use futures_util::stream::{self, FusedStream, StreamExt};
use openraft::alias::{NodeIdOf, TermOf, WatchOf};
use openraft::async_runtime::WatchReceiver;
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
/// The stream does not keep the node running and does not borrow `raft`. It works on any runtime of
/// openraft, since it rests on nothing but [`Raft::metrics`](openraft::Raft::metrics).
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
    // `server_metrics` changes less often, but its vote is the one on disk, which trails the role:
    // a candidate would show under the term before its own.
    leadership_events_from_metrics::<C>(raft.metrics())
}

/// [`leadership_events`] for those who hold a metrics receiver rather than the `Raft` itself.
///
/// `metrics` is what [`Raft::metrics`](openraft::Raft::metrics) returns, of any runtime.
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
    let changes = stream::unfold((metrics, None), |(mut metrics, last)| async move {
        if last == Some(LeadershipState::Shutdown) {
            return None;
        }
        loop {
            let now = LeadershipState::of(&*metrics.borrow_and_update());
            if last.as_ref() != Some(&now) {
                return Some((now.clone(), (metrics, Some(now))));
            }
            // The sender goes when the node does, with or without a last word.
            if metrics.changed().await.is_err() {
                return Some((LeadershipState::Shutdown, (metrics, Some(LeadershipState::Shutdown))));
            }
        }
    });
    Box::pin(changes).fuse()
}
