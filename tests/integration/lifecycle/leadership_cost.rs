//! The stream of `leadership_events` always arrives at the current state, and is not woken while that state stays.

use std::future::ready;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;
use futures_util::StreamExt;
use openraft_toolkit::lifecycle::{
    BootstrapMode, LeadershipState, add_learner, change_membership, leadership_events, leadership_events_from_metrics,
};
use openraft_toolkit::openraft::async_runtime::{WatchReceiver, WatchSender};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::{RaftMetrics, ServerState};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, address, eventually, fresh, wait_for_leader};
use openraft_toolkit_tests::run::{rng, rounds};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

use super::{metrics, three_nodes};

type State = LeadershipState<TypeConfig>;

/// Returns any state in `term`, and metrics of node 1 in that state.
///
/// The test chooses the state first and derives the metrics from it. The code under test does the opposite.
fn any_state(rng: &mut Rng, term: u64) -> (State, RaftMetrics<TypeConfig>) {
    let leader = [None, Some(2), Some(3)][rng.usize(..3)];
    match rng.u8(..4) {
        0 => (State::Leader { term }, metrics(ServerState::Leader, term, Some(1))),
        1 => (
            State::Follower { term, leader },
            metrics(ServerState::Follower, term, leader),
        ),
        2 => (State::Candidate { term }, metrics(ServerState::Candidate, term, None)),
        _ => (State::Learner, metrics(ServerState::Learner, term, leader)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_fast_the_role_flaps_the_last_event_is_where_it_stays_and_none_is_repeated() {
    let mut rng = rng();
    let mut seen = 0;
    for _ in 0..rounds(50, 1_000) {
        let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Learner, 0, None));
        let events = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn({
            let events = events.clone();
            leadership_events_from_metrics(rx).for_each(move |state: State| {
                events.lock().unwrap().push(state);
                ready(())
            })
        });
        let mut last = State::Learner;
        for change in 0..1_000 {
            let (state, metrics) = any_state(&mut rng, change / 3);
            last = state;
            tx.send(metrics).unwrap();
            if rng.u64(..50) == 0 {
                tokio::task::yield_now().await;
            }
        }
        eventually("the last event is where the role stays", || {
            events.lock().unwrap().last() == Some(&last)
        })
        .await;
        drop(tx);

        timeout(DEADLINE, reader).await.unwrap().unwrap();
        let events = events.lock().unwrap();
        assert_eq!(events[events.len() - 2..], [last, State::Shutdown]);
        assert!(events.windows(2).all(|pair| pair[0] != pair[1]), "{events:?}");
        seen += events.len();
    }
    println!("flapping: {seen} events seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_elections_are_seen_to_the_last_one() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let nodes: Vec<_> = nodes.iter().map(|(_, node)| node).collect();
    let watchers: Vec<_> = nodes
        .iter()
        .map(|node| {
            let seen = Arc::new(Mutex::new(Vec::<State>::new()));
            let events = leadership_events(&node.raft);
            let watch = tokio::spawn({
                let seen = seen.clone();
                events.for_each(move |event| {
                    seen.lock().unwrap().push(event);
                    ready(())
                })
            });
            (seen, watch)
        })
        .collect();

    // Trigger elections one after the other, as fast as possible.
    for round in 0..rounds(40, 1_000) {
        nodes[round as usize % 3].raft.trigger().elect(false).await.unwrap();
        if round % 4 == 0 {
            wait_for_leader(&nodes).await;
        }
    }
    let leader = wait_for_leader(&nodes).await;
    leader.wait_to_lead().await;
    // All nodes agree on this leader and its term, so the other two nodes are its followers.
    let (leader, term) = (leader.id, leader.raft.metrics().borrow_watched().current_term);
    let last = nodes.iter().map(|node| match node.id == leader {
        true => State::Leader { term },
        false => State::Follower {
            term,
            leader: Some(leader),
        },
    });
    let last: Vec<State> = last.collect();
    for node in &nodes {
        node.raft.runtime_config().elect(false);
    }
    // On a busy machine, a watcher may not have run yet.
    for ((seen, _), last) in watchers.iter().zip(&last) {
        let what = format!("an event is {last:?}");
        eventually(&what, || seen.lock().unwrap().contains(last)).await;
    }
    for node in &nodes {
        node.raft.shutdown().await.unwrap();
    }

    for (seen, watch) in watchers {
        timeout(DEADLINE, watch).await.unwrap().unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
        assert_eq!(seen.last(), Some(&State::Shutdown));
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_not_woken_while_the_role_stays() {
    let network = MemNetwork::new();
    let (node, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    node.wait_to_lead().await;
    node.set("first", "v").await;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    let mut events = leadership_events(&node.raft);
    let leading = events.next().await.unwrap();
    assert!(matches!(leading, State::Leader { .. }), "{leading:?}");
    assert_eq!(pin!(events.next()).poll(&mut cx), Poll::Pending);
    // A stream of all metrics is polled too, to compare how often each stream wakes its reader.
    let metrics_wakes = Arc::new(Wakes::default());
    let metrics_waker = Waker::from(metrics_wakes.clone());
    let mut by_metrics = leadership_events_from_metrics(node.raft.metrics());
    assert_eq!(by_metrics.next().await.unwrap(), leading);

    let writes = 300;
    for i in 0..writes {
        assert_eq!(
            pin!(by_metrics.next()).poll(&mut Context::from_waker(&metrics_waker)),
            Poll::Pending
        );
        node.set("k", &i.to_string()).await;
    }
    node.raft.trigger().snapshot().await.unwrap();
    node.wait("has a snapshot", |m| m.snapshot.is_some()).await;
    let woken = wakes.0.load(Relaxed);
    assert_eq!(woken, 0, "woken for {writes} writes and a snapshot");

    node.raft.shutdown().await.unwrap();
    assert_eq!(wakes.0.load(Relaxed), 1);
    assert_eq!(pin!(events.next()).poll(&mut cx), Poll::Ready(Some(State::Shutdown)));
    println!(
        "wake-ups during {writes} writes: {woken} of leadership_events, {} of leadership_events_from_metrics",
        metrics_wakes.0.load(Relaxed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_membership_wakes_the_reader_and_is_no_event() {
    let network = MemNetwork::new();
    let (node, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    let (_second, _) = Host::new(2, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();
    node.wait_to_lead().await;
    let mut events = leadership_events(&node.raft);
    let leading = events.next().await.unwrap();

    add_learner(&node.raft, 2, address(2), true).await.unwrap();
    change_membership(&node.raft, [1, 2].into(), false).await.unwrap();

    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pin!(events.next()).poll(&mut cx), Poll::Pending, "after {leading:?}");
}
