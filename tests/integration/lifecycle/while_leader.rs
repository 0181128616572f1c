//! `while_leader`: a task runs exactly while its node leads.

use std::convert::Infallible;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use openraft_toolkit::lifecycle::{LeadershipState, leadership_events, leadership_events_from_metrics, while_leader};
use openraft_toolkit::openraft::ServerState;
use openraft_toolkit::openraft::async_runtime::{WatchReceiver, WatchSender};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, Node, eventually, fresh, wait_for_leader};
use openraft_toolkit_tests::run::{rng, rounds};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

use super::{metrics, three_nodes};

type State = LeadershipState<TypeConfig>;

/// Records which tasks ran. Panics if two tasks run at the same time.
#[derive(Default)]
struct Log {
    running: AtomicUsize,
    terms: Mutex<Vec<u64>>,
}

/// Marks a task as running. It is dropped together with the task.
struct Running(Arc<Log>);

impl Running {
    fn start(log: &Arc<Log>, term: u64) -> Self {
        assert_eq!(log.running.fetch_add(1, SeqCst), 0, "two at a time");
        log.terms.lock().unwrap().push(term);
        Self(log.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl Log {
    fn is_running(&self) -> bool {
        self.running.load(SeqCst) == 1
    }

    fn terms(&self) -> Vec<u64> {
        self.terms.lock().unwrap().clone()
    }
}

/// Returns tasks that never end by themselves.
fn job(log: &Arc<Log>) -> impl FnMut(u64) -> futures_util::future::BoxFuture<'static, Result<(), Infallible>> + use<> {
    let log = log.clone();
    move |term| {
        let running = Running::start(&log, term);
        async move {
            let _running = running;
            pending().await
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_task_is_dropped_at_the_next_event_and_starts_anew_in_the_next_term() {
    let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Follower, 1, None));
    let log = Arc::new(Log::default());
    let mut fence = Box::pin(while_leader(leadership_events_from_metrics(rx), job(&log)));
    let mut cx = Context::from_waker(Waker::noop());
    let steps = [
        (metrics(ServerState::Follower, 1, Some(2)), false, vec![]),
        (metrics(ServerState::Leader, 2, Some(1)), true, vec![2]),
        // The metrics change, but the leadership does not.
        (metrics(ServerState::Leader, 2, Some(1)), true, vec![2]),
        (metrics(ServerState::Candidate, 3, None), false, vec![2]),
        (metrics(ServerState::Leader, 3, Some(1)), true, vec![2, 3]),
        // The term changes, and the stream shows no state in between.
        (metrics(ServerState::Leader, 5, Some(1)), true, vec![2, 3, 5]),
        (metrics(ServerState::Learner, 6, Some(2)), false, vec![2, 3, 5]),
        (metrics(ServerState::Leader, 9, Some(1)), true, vec![2, 3, 5, 9]),
    ];

    for (metrics, runs, terms) in steps {
        tx.send(metrics).unwrap();
        // One poll is enough to drop and to start tasks.
        assert_eq!(fence.as_mut().poll(&mut cx), Poll::Pending);
        assert_eq!((log.is_running(), log.terms()), (runs, terms));
    }

    drop(tx);
    assert_eq!(fence.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    assert!(!log.is_running());
}

#[tokio::test]
async fn dropping_the_future_drops_the_task() {
    let (_tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Leader, 1, Some(1)));
    let log = Arc::new(Log::default());
    let mut fence = Box::pin(while_leader(leadership_events_from_metrics(rx), job(&log)));
    assert_eq!(fence.as_mut().now_or_never(), None);
    assert!(log.is_running());

    drop(fence);

    assert!(!log.is_running());
}

#[tokio::test]
async fn a_task_that_has_ended_starts_again_only_in_the_next_term() {
    let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Leader, 1, Some(1)));
    let mut terms = Vec::new();
    let mut fence = Box::pin(while_leader(leadership_events_from_metrics::<TypeConfig>(rx), |term| {
        terms.push(term);
        async { Ok::<(), Infallible>(()) }
    }));
    let mut cx = Context::from_waker(Waker::noop());
    for (state, term) in [
        (ServerState::Leader, 1),
        (ServerState::Leader, 1),
        (ServerState::Follower, 2),
        (ServerState::Leader, 3),
        (ServerState::Leader, 4),
    ] {
        tx.send(metrics(state, term, None)).unwrap();
        assert_eq!(fence.as_mut().poll(&mut cx), Poll::Pending);
    }
    drop(fence);
    assert_eq!(terms, [1, 3, 4]);
}

#[tokio::test]
async fn an_error_of_the_task_is_returned() {
    let states = stream::iter([State::Learner, State::Leader { term: 7 }]).chain(stream::pending());

    let ended = while_leader(states, |term| async move { Err(format!("in term {term}")) }).await;

    assert_eq!(ended, Err("in term 7".to_string()));
}

#[tokio::test]
async fn a_panic_of_the_task_panics_in_the_caller() {
    let states = stream::iter([State::Leader { term: 7 }]).chain(stream::pending());
    let fence = while_leader(states, |_| async { panic!("out of paper") as Result<(), Infallible> });

    let panicked = AssertUnwindSafe(fence).catch_unwind().await.unwrap_err();

    assert_eq!(panicked.downcast_ref(), Some(&"out of paper"));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_fast_the_leadership_flaps_no_two_tasks_run_at_a_time_and_the_last_has_the_last_term() {
    let mut rng = rng();
    let (mut started, rounds) = (0, rounds(50, 1_000));
    for _ in 0..rounds {
        let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Learner, 0, None));
        let log = Arc::new(Log::default());
        let fence = tokio::spawn(while_leader(leadership_events_from_metrics(rx), job(&log)));
        let mut led = Vec::new();
        let mut last = ServerState::Learner;
        for term in 1..1_000 {
            last = match rng.u64(..3) {
                0 => ServerState::Follower,
                _ => ServerState::Leader,
            };
            if last == ServerState::Leader {
                led.push(term);
            }
            tx.send(metrics(last, term, None)).unwrap();
            if rng.u64(..20) == 0 {
                tokio::task::yield_now().await;
            }
        }
        let leads = last == ServerState::Leader;
        eventually("a task runs if and only if the node leads", || {
            log.is_running() == leads && (!leads || log.terms().last() == led.last())
        })
        .await;
        drop(tx);
        assert_eq!(timeout(DEADLINE, fence).await.unwrap().unwrap(), Ok(()));
        assert!(!log.is_running());

        let terms = log.terms();
        assert!(terms.is_sorted_by(|a, b| a < b), "{terms:?}");
        assert!(terms.iter().all(|term| led.contains(term)), "{terms:?}");
        started += terms.len();
    }
    println!("flapping: {started} tasks in {rounds} rounds");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_real_nodes_the_task_follows_the_leader_through_partitions() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let nodes: Vec<&Node> = nodes.iter().map(|(_, node)| node).collect();
    let logs: Vec<_> = nodes.iter().map(|_| Arc::new(Log::default())).collect();
    let fences: Vec<_> = nodes
        .iter()
        .zip(&logs)
        .map(|(node, log)| tokio::spawn(while_leader(leadership_events(&node.raft), job(log))))
        .collect();

    let mut highest = 0;
    for _ in 0..rounds(3, 50) {
        let leader = wait_for_leader(&nodes).await.id;
        network.partitions().isolate(leader);
        let majority: Vec<&Node> = nodes.iter().copied().filter(|node| node.id != leader).collect();
        let next = wait_for_leader(&majority).await;
        let log = &logs[next.id as usize - 1];
        eventually("the task runs at the next leader", || log.is_running()).await;
        // The task of the old leader, which is cut off, runs at the same time with a lower fencing token.
        let token = *log.terms().last().unwrap();
        assert!(token > highest);
        assert_eq!(token, next.raft.metrics().borrow_watched().current_term);
        highest = token;
        network.partitions().heal(leader);
        let old = &logs[leader as usize - 1];
        eventually("the deposed leader drops its task", || !old.is_running()).await;
    }

    for node in &nodes {
        node.raft.runtime_config().elect(false);
    }
    for node in &nodes {
        node.raft.shutdown().await.unwrap();
    }
    for (fence, log) in fences.into_iter().zip(logs) {
        assert_eq!(timeout(DEADLINE, fence).await.unwrap().unwrap(), Ok(()));
        assert!(!log.is_running());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_shut_down_ends_its_task() {
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), fresh([1]))
        .await
        .unwrap();
    let running = Arc::new(AtomicBool::new(false));
    let fence = tokio::spawn({
        let running = running.clone();
        while_leader(leadership_events(&node.raft), move |_| {
            let running = running.clone();
            async move {
                running.store(true, SeqCst);
                loop {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                #[expect(unreachable_code)]
                Ok::<(), Infallible>(())
            }
        })
    });
    eventually("the task runs", || running.load(SeqCst)).await;

    node.stop().await;

    assert_eq!(timeout(DEADLINE, fence).await.unwrap().unwrap(), Ok(()));
}
