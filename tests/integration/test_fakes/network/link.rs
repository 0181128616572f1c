//! What the faults of a link do to the messages on the link.

use std::time::Duration;

use futures_util::future::join_all;
use openraft_toolkit::openraft::alias::{EntryOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::errors::RPCError;
use openraft_toolkit::openraft::network::RPCOption;
use openraft_toolkit::openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use openraft_toolkit::openraft::{LogId, RaftNetworkV2};
use openraft_toolkit::test_fakes::{LinkFaults, MemNetwork, RpcCounts, RpcKind};
use openraft_toolkit_tests::node::{Network, eventually};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::{Instant, sleep};

use super::helpers::{client, mem_receiver, mem_voted_in, soon, vote_request};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Returns how long each of 20 round trips takes.
async fn round_trips(seed: u64) -> Vec<Duration> {
    let network = MemNetwork::with_seed(seed);
    network.set_faults(LinkFaults::new().latency(ms(10)).jitter(ms(40)));
    let _node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        client.pre_vote(vote_request(1), soon()).await.unwrap();
        times.push(started.elapsed());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn request_and_answer_each_take_the_latency_of_their_link() {
    let network = MemNetwork::new();
    let _node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;

    network.set_faults(LinkFaults::new().latency(ms(200)));
    let started = Instant::now();
    client.vote(vote_request(1), soon()).await.unwrap();
    assert_eq!(started.elapsed(), ms(400));

    network.set_link_faults(2, 1, LinkFaults::new().latency(ms(50)));
    let started = Instant::now();
    client.vote(vote_request(2), soon()).await.unwrap();
    assert_eq!(started.elapsed(), ms(250));

    network.clear_faults();
    let started = Instant::now();
    client.vote(vote_request(3), soon()).await.unwrap();
    assert_eq!(started.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_the_delays() {
    let times = round_trips(7).await;

    assert_eq!(times, round_trips(7).await);
    assert_ne!(times, round_trips(8).await);
    assert!(times.iter().all(|time| (ms(20)..=ms(101)).contains(time)), "{times:?}");
    assert!(
        times.iter().any(|time| *time < ms(60)) && times.iter().any(|time| *time > ms(60)),
        "{times:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_times_out_and_never_takes_effect() {
    let network = MemNetwork::new();
    let node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    network.set_link_faults(1, 2, LinkFaults::new().drop_requests(1.0));

    let started = Instant::now();
    let lost = client.vote(vote_request(5), soon()).await;

    assert!(matches!(lost, Err(RPCError::Timeout(_))), "{lost:?}");
    assert_eq!(started.elapsed(), soon().soft_ttl());
    assert_eq!(mem_voted_in(&node).await, 0);
    let counts = network.counts(1, 2, RpcKind::Vote);
    let expected = RpcCounts {
        sent: 1,
        requests_lost: 1,
        timed_out: 1,
        ..RpcCounts::default()
    };
    assert_eq!(counts, expected);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_dropped_leaves_its_request_in_effect() {
    let network = MemNetwork::new();
    let node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    network.set_link_faults(2, 1, LinkFaults::new().drop_answers(1.0));

    let lost = client.vote(vote_request(5), soon()).await;

    assert!(matches!(lost, Err(RPCError::Timeout(_))), "{lost:?}");
    assert_eq!(mem_voted_in(&node).await, 5);
    let counts = network.counts(1, 2, RpcKind::Vote);
    let expected = RpcCounts {
        sent: 1,
        delivered: 1,
        answers_lost: 1,
        timed_out: 1,
        ..RpcCounts::default()
    };
    assert_eq!(counts, expected);
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_are_dropped_as_the_probability_says_and_a_seed_repeats_which() {
    let dropped = async |seed| {
        let network = MemNetwork::with_seed(seed);
        let _node = mem_receiver(&network, 2).await;
        let mut client = client(&network, 1, 2).await;
        network.set_faults(LinkFaults::new().drop_requests(0.3));
        let mut dropped = Vec::new();
        for _ in 0..200 {
            dropped.push(client.pre_vote(vote_request(1), RPCOption::new(ms(100))).await.is_err());
        }
        dropped
    };

    let first = dropped(1).await;

    let lost = first.iter().filter(|lost| **lost).count();
    assert!((30..90).contains(&lost), "{lost} of 200");
    assert_eq!(first, dropped(1).await);
    assert_ne!(first, dropped(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_late_takes_effect_after_its_sender_gave_up() {
    let network = MemNetwork::new();
    let node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    network.set_faults(LinkFaults::new().latency(ms(60_000)));

    let late = client.vote(vote_request(5), soon()).await;
    assert!(matches!(late, Err(RPCError::Timeout(_))), "{late:?}");
    assert_eq!(mem_voted_in(&node).await, 0);

    sleep(ms(60_000)).await;
    assert_eq!(mem_voted_in(&node).await, 5);
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_held_back_are_overtaken() {
    let network = MemNetwork::with_seed(3);
    let _node = mem_receiver(&network, 2).await;
    let granted = async |network: &Network, terms: std::ops::Range<u64>| {
        let votes = terms.map(|term| async move {
            let mut client = client(network, 1, 2).await;
            client.vote(vote_request(term), soon()).await.unwrap().vote_granted
        });
        join_all(votes).await
    };

    // In the original order, each vote is for a later term than the vote before it, and is granted.
    assert_eq!(granted(&network, 1..11).await, [true; 10]);

    network.set_faults(LinkFaults::new().reorder(0.5, ms(1_000)));
    let granted = granted(&network, 11..21).await;
    assert!(granted.iter().any(|granted| !granted), "{granted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_twice_is_answered_once() {
    let network = MemNetwork::new();
    let node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    network.set_faults(LinkFaults::new().duplicate(1.0).jitter(ms(100)));
    let vote = VoteOf::<TypeConfig>::new_committed(5, 1);
    let request = AppendEntriesRequest {
        vote,
        prev_log_id: None,
        entries: vec![EntryOf::<TypeConfig>::new_blank(LogId::new(vote.leader_id, 0))],
        leader_commit: None,
    };

    let answer = client.append_entries(request, soon()).await.unwrap();

    assert_eq!(answer, AppendEntriesResponse::Success);
    let counts = || network.counts(1, 2, RpcKind::AppendEntries);
    eventually("both copies arrived", || counts().delivered == 2).await;
    let expected = RpcCounts {
        sent: 1,
        delivered: 2,
        duplicated: 1,
        answered: 1,
        ..RpcCounts::default()
    };
    assert_eq!(counts(), expected);
    let last_log_index = node
        .with_raft_state(|state| state.log_ids.last().map(|last| last.index))
        .await;
    assert_eq!(last_log_index.unwrap(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_is_lost_when_its_edge_is_cut_and_restored_meanwhile() {
    let network = MemNetwork::new();
    let node = mem_receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    network.set_faults(LinkFaults::new().latency(ms(100)));
    let partitions = network.partitions();

    let cut = async {
        sleep(ms(50)).await;
        partitions.cut_edge(1, 2);
        partitions.restore_edge(1, 2);
    };
    let (lost, ()) = tokio::join!(client.vote(vote_request(5), soon()), cut);
    assert!(matches!(lost, Err(RPCError::Unreachable(_))), "{lost:?}");
    assert_eq!(mem_voted_in(&node).await, 0);

    let isolation = async {
        sleep(ms(150)).await;
        partitions.isolate(1);
        partitions.heal(1);
    };
    let (lost, ()) = tokio::join!(client.vote(vote_request(6), soon()), isolation);
    assert!(matches!(lost, Err(RPCError::Unreachable(_))), "{lost:?}");
    assert_eq!(mem_voted_in(&node).await, 6, "only the answer was under way");
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_kind_and_link_until_they_are_reset() {
    let network = MemNetwork::new();
    let _nodes = [mem_receiver(&network, 2).await, mem_receiver(&network, 3).await];
    let mut to_2 = client(&network, 1, 2).await;
    let mut to_3 = client(&network, 1, 3).await;

    to_2.pre_vote(vote_request(1), soon()).await.unwrap();
    to_2.vote(vote_request(1), soon()).await.unwrap();
    to_3.vote(vote_request(1), soon()).await.unwrap();
    network.partitions().isolate(3);
    to_3.vote(vote_request(2), soon()).await.unwrap_err();

    let one = RpcCounts {
        sent: 1,
        delivered: 1,
        answered: 1,
        ..RpcCounts::default()
    };
    assert_eq!(network.counts(1, 2, RpcKind::PreVote), one);
    assert_eq!(network.counts(1, 2, RpcKind::Vote), one);
    assert_eq!(network.counts(1, 3, RpcKind::Vote), RpcCounts { unreachable: 1, ..one });
    assert_eq!(network.counts(3, 1, RpcKind::Vote), RpcCounts::default());
    assert_eq!(
        network.total_counts(RpcKind::Vote),
        one + one
            + RpcCounts {
                unreachable: 1,
                ..RpcCounts::default()
            }
    );
    let text = network.counts(1, 3, RpcKind::Vote).to_string();
    assert_eq!(text, "1 sent, 1 delivered, 1 answered, 1 unreachable");

    network.reset_counts();
    assert!(
        RpcKind::ALL
            .iter()
            .all(|kind| network.total_counts(*kind) == RpcCounts::default())
    );
}

#[test]
#[should_panic(expected = "1.5 is not a probability; help: it is between 0, never, and 1, always")]
fn a_probability_is_between_0_and_1() {
    let _ = LinkFaults::new().drop(1.5);
}
