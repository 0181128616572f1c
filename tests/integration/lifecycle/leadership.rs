//! `leadership_events`: a stream of the states of a node.

use futures_util::stream::FusedStream;
use futures_util::{FutureExt, StreamExt};
use openraft_toolkit::lifecycle::{LeadershipState, bootstrap, leadership_events, leadership_events_from_metrics};
use openraft_toolkit::openraft::async_runtime::WatchSender;
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::{RaftMetrics, ServerState};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, fresh};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

use super::{metrics, three_nodes};

type State = LeadershipState<TypeConfig>;

#[tokio::test]
async fn every_change_of_role_term_or_leader_is_an_event_and_nothing_else_is() {
    let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Follower, 1, None));
    let mut events = leadership_events_from_metrics(rx);
    let steps = [
        // The stream begins with the current state.
        (
            metrics(ServerState::Follower, 1, None),
            Some(State::Follower { term: 1, leader: None }),
        ),
        (
            metrics(ServerState::Follower, 1, Some(2)),
            Some(State::Follower {
                term: 1,
                leader: Some(2),
            }),
        ),
        (metrics(ServerState::Follower, 1, Some(2)), None),
        (
            metrics(ServerState::Follower, 2, Some(2)),
            Some(State::Follower {
                term: 2,
                leader: Some(2),
            }),
        ),
        (
            metrics(ServerState::Candidate, 3, None),
            Some(State::Candidate { term: 3 }),
        ),
        (
            metrics(ServerState::Leader, 3, Some(1)),
            Some(State::Leader { term: 3 }),
        ),
        (
            metrics(ServerState::Leader, 5, Some(1)),
            Some(State::Leader { term: 5 }),
        ),
        (metrics(ServerState::Learner, 5, Some(2)), Some(State::Learner)),
        (metrics(ServerState::Learner, 6, Some(3)), None),
    ];

    for (metrics, event) in steps {
        tx.send(metrics).unwrap();
        assert_eq!(events.next().now_or_never().flatten(), event);
    }
    // Changes of metrics other than the leadership cause no event, however many there are.
    for index in 0..1_000 {
        tx.send(RaftMetrics {
            last_log_index: Some(index),
            ..metrics(ServerState::Learner, 6, Some(3))
        })
        .unwrap();
        assert_eq!(events.next().now_or_never(), None);
    }
}

#[tokio::test]
async fn a_slow_reader_sees_the_current_state_alone() {
    let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Learner, 0, None));
    let mut events = leadership_events_from_metrics(rx);
    for term in 1..=1_000 {
        tx.send(metrics(ServerState::Candidate, term, None)).unwrap();
    }
    assert_eq!(events.next().await, Some(State::Candidate { term: 1_000 }));
    assert_eq!(events.next().now_or_never(), None);
}

#[tokio::test]
async fn the_stream_ends_after_shutdown_and_after_a_fatal_error() {
    let shutdown = metrics(ServerState::Shutdown, 1, None);
    let fatal = RaftMetrics {
        running_state: Err(Fatal::Panicked),
        ..metrics(ServerState::Leader, 1, Some(1))
    };

    for last in [shutdown, fatal] {
        let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Leader, 1, Some(1)));
        let mut events = leadership_events_from_metrics(rx);
        assert_eq!(events.next().await, Some(State::Leader { term: 1 }));

        tx.send(last).unwrap();

        assert_eq!(events.next().now_or_never().flatten(), Some(State::Shutdown));
        assert_eq!(events.next().now_or_never(), Some(None));
        assert!(events.is_terminated());
        assert_eq!(
            events.next().await,
            None,
            "an ended stream stays ended when it is polled again"
        );
    }
}

#[tokio::test]
async fn a_node_whose_metrics_end_has_shut_down() {
    let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Leader, 1, Some(1)));
    let mut events = leadership_events_from_metrics(rx);
    assert_eq!(events.next().await, Some(State::Leader { term: 1 }));

    drop(tx);

    assert_eq!(events.next().now_or_never().flatten(), Some(State::Shutdown));
    assert_eq!(events.next().now_or_never(), Some(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_writes_and_snapshots_reports_its_leadership_once() {
    let host = Host::new(1, Keys::Flat);
    let network = MemNetwork::new();
    let node = host.open(&network).await;
    // The stream can be moved to another task, because it does not borrow the node.
    let mut events = leadership_events(&node.raft);
    assert_eq!(events.next().await, Some(State::Learner));
    let watcher = tokio::spawn(events.collect::<Vec<_>>());

    bootstrap(&node.raft, fresh([1])).await.unwrap();
    node.wait_to_lead().await;
    for i in 0..200 {
        node.set("k", &i.to_string()).await;
    }
    node.raft.trigger().snapshot().await.unwrap();
    let term = node.wait("has a snapshot", |m| m.snapshot.is_some()).await.current_term;
    node.stop().await;

    let events = timeout(DEADLINE, watcher).await.unwrap().unwrap();
    assert!(events.windows(2).all(|pair| pair[0] != pair[1]), "{events:?}");
    assert_eq!(
        events.iter().filter(|state| **state == State::Leader { term }).count(),
        1,
        "{events:?}"
    );
    assert_eq!(events.last(), Some(&State::Shutdown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_the_next_leader_in_a_later_term() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [b, c] = [&nodes[1].1, &nodes[2].1];
    let mut events = leadership_events(&c.raft);
    let mut follows = async |id: u64| {
        let term = async {
            while let Some(state) = events.next().await {
                match state {
                    State::Follower {
                        term,
                        leader: Some(leader),
                    } if leader == id => return term,
                    _ => {}
                }
            }
            panic!("the stream ended");
        };
        timeout(DEADLINE, term).await.unwrap()
    };
    let first_term = follows(1).await;

    c.raft.runtime_config().elect(false);
    network.partitions().isolate(1);

    let second_term = follows(2).await;
    assert!(second_term > first_term);
    b.wait_to_lead().await;
}
