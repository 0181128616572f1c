//! Learners become voters once they have caught up, even in place of a dead voter.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use openraft_toolkit::lifecycle::{
    BootstrapMode, MembershipError, add_learner, change_membership, promote_learner, replace_voter, wait_writable,
};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::{ClientWriteError, Fatal, RaftError};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{
    DEADLINE, Host, Keys, Network, Node, address, fresh, wait_for_leader, wait_to_agree,
};
use openraft_toolkit_tests::run::rounds;
use openraft_toolkit_tests::types::Set;
use tokio::task::JoinHandle;

use super::{has_source, is_joint, learners, three_nodes, voters};

/// The most entries that are in flight at any moment of these tests.
const MAX_LAG: u64 = 20;

/// Starts a node that waits to be added.
async fn join(id: u64, network: &Network) -> (Host, Node) {
    let host = Host::new(id, Keys::Flat);
    let (node, _) = host.start(network, BootstrapMode::Join).await.unwrap();
    (host, node)
}

/// Writes at `leader` until `stop` is set, and returns the keys that were acknowledged.
fn load(leader: &Node, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    let (raft, stop) = (leader.raft.clone(), stop.clone());
    tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        while !stop.load(Relaxed) {
            let key = format!("load-{}", acknowledged.len());
            let set = Set {
                key: key.clone(),
                value: "v".to_string(),
            };
            match raft.client_write(set).await {
                Ok(_) => acknowledged.push(key),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                    wait_writable(&raft, DEADLINE).await.unwrap();
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        acknowledged
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_is_promoted_once_it_has_caught_up() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    for i in 0..30 {
        leader.set("k", &i.to_string()).await;
    }
    let (_host, learner) = join(2, &network).await;
    network.partitions().isolate(2);
    add_learner(&leader.raft, 2, address(2), false).await.unwrap();

    // The learner has no entries yet, and the error at the deadline reports its lag.
    let deadline = Duration::from_millis(100);
    let error = promote_learner(&leader.raft, 2, 5, deadline).await.unwrap_err();
    let MembershipError::Lagging {
        node_id, lag, max_lag, ..
    } = error
    else {
        panic!("{error:?}");
    };
    let entries = leader.raft.metrics().borrow_watched().last_log_index.unwrap() + 1;
    assert_eq!((node_id, lag, max_lag), (2, entries, 5));
    assert_eq!(
        error.to_string(),
        format!(
            "node 2 was {entries} entries behind after 100ms, and 5 are allowed; \
             help: check that it is up and reachable, and call again"
        )
    );
    assert_eq!(voters(&leader), BTreeSet::from([1]));

    let (promoted, ()) = tokio::join!(promote_learner(&leader.raft, 2, 0, DEADLINE), async {
        network.partitions().heal(2);
    });
    let log_id = promoted.unwrap();
    leader
        .wait("reports the voters", |m| {
            m.committed_membership_config.log_id() == &Some(log_id)
        })
        .await;
    assert_eq!(voters(&leader), BTreeSet::from([1, 2]));

    // A voter stays a voter, wherever its log ends.
    network.partitions().isolate(2);
    leader.raft.runtime_config().elect(false);
    learner.raft.runtime_config().elect(false);
    network.partitions().heal(2);
    promote_learner(&leader.raft, 2, 0, Duration::ZERO).await.unwrap();
    assert_eq!(voters(&leader), BTreeSet::from([1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_voter_is_replaced_in_one_change() {
    let network = MemNetwork::new();
    let mut nodes = three_nodes(&network).await;
    let (_, dead) = nodes.remove(2);
    dead.stop().await;
    let leader = wait_for_leader(&[&nodes[0].1, &nodes[1].1]).await;
    leader.set("k", "v").await;
    let (_host, new) = join(4, &network).await;

    add_learner(&leader.raft, 4, address(4), false).await.unwrap();
    let before = leader
        .raft
        .metrics()
        .borrow_watched()
        .membership_config
        .log_id()
        .unwrap();
    let log_id = replace_voter(&leader.raft, 3, 4, MAX_LAG, DEADLINE).await.unwrap();

    // The log has the joint membership and the final one, and no other entry.
    assert_eq!(log_id.index, before.index + 2);
    let committed = leader.wait("has committed it", |m| {
        m.committed_membership_config.log_id() == &Some(log_id)
    });
    assert!(!is_joint(&committed.await.membership_config));
    assert_eq!(
        (voters(leader), learners(leader)),
        (BTreeSet::from([1, 2, 4]), BTreeSet::new())
    );
    wait_to_agree(leader, &[&new]).await;

    // Make the same call again, as a caller that did not get the answer does.
    replace_voter(&leader.raft, 3, 4, MAX_LAG, DEADLINE).await.unwrap();
    assert_eq!(voters(leader), BTreeSet::from([1, 2, 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_replaces_itself_and_steps_down() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    let (_host, new) = join(4, &network).await;
    add_learner(&leader.raft, 4, address(4), false).await.unwrap();

    replace_voter(&leader.raft, 1, 4, MAX_LAG, DEADLINE).await.unwrap();

    let next = wait_for_leader(&[b, c, &new]).await;
    next.wait_to_lead().await;
    next.set("k", "v").await;
    assert_eq!(voters(next), BTreeSet::from([2, 3, 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_voters_become_five_and_three_again_in_a_loop_under_load() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let leader = &nodes[0].1;
    // Node 1 stays the leader, because this test is about the membership.
    for (_, node) in &nodes[1..] {
        node.raft.runtime_config().elect(false);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writer = load(leader, &stop);

    let rounds = rounds(3, 50);
    for round in 0..rounds {
        // No id is used twice.
        let [four, five] = [4 + 2 * round, 5 + 2 * round];
        let added = [join(four, &network).await, join(five, &network).await];
        for (_, node) in &added {
            node.raft.runtime_config().elect(false);
            add_learner(&leader.raft, node.id, address(node.id), false)
                .await
                .unwrap();
            promote_learner(&leader.raft, node.id, MAX_LAG, DEADLINE).await.unwrap();
        }
        assert_eq!(voters(leader), BTreeSet::from([1, 2, 3, four, five]));

        change_membership(&leader.raft, BTreeSet::from([1, 2, 3]), false)
            .await
            .unwrap();
        assert_eq!(
            (voters(leader), learners(leader)),
            (BTreeSet::from([1, 2, 3]), BTreeSet::new())
        );
        for (_, node) in added {
            network.unregister(node.id);
            node.stop().await;
        }
    }

    stop.store(true, Relaxed);
    let acknowledged = tokio::time::timeout(DEADLINE, writer).await.unwrap().unwrap();
    let all: Vec<&Node> = nodes.iter().map(|(_, node)| node).collect();
    wait_to_agree(leader, &all).await;
    let map = leader.kv.applied().map;
    let lost = acknowledged.iter().filter(|key| !map.contains_key(*key)).count();
    println!(
        "from 3 to 5 and back: {rounds} rounds, {} writes acknowledged, {lost} lost",
        acknowledged.len()
    );
    assert_eq!(lost, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_learner_is_promoted_and_only_a_voter_is_replaced() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    let (_host, _node) = join(2, &network).await;
    add_learner(&leader.raft, 2, address(2), true).await.unwrap();

    for missing in [
        promote_learner(&leader.raft, 9, 0, DEADLINE).await,
        replace_voter(&leader.raft, 1, 9, 0, DEADLINE).await,
    ] {
        let error = missing.unwrap_err();
        assert!(has_source(&error));
        assert!(
            matches!(error, MembershipError::LearnerNotFound { node_id: 9, .. }),
            "{error:?}"
        );
    }

    let error = replace_voter(&leader.raft, 3, 2, MAX_LAG, DEADLINE).await.unwrap_err();
    assert_eq!(error, MembershipError::VoterNotFound { node_id: 3 });
    let error = replace_voter(&leader.raft, 1, 1, MAX_LAG, DEADLINE).await.unwrap_err();
    assert_eq!(error, MembershipError::ReplacedByItself { node_id: 1 });
    assert_eq!(voters(&leader), BTreeSet::from([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_is_removed_while_it_is_waited_for_is_not_found() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    add_learner(&leader.raft, 2, address(2), false).await.unwrap();

    let promoting = tokio::spawn({
        let raft = leader.raft.clone();
        async move { promote_learner(&raft, 2, 0, DEADLINE).await }
    });
    let remove = openraft_toolkit::openraft::ChangeMembers::RemoveNodes([2].into());
    leader.raft.change_membership(remove, false).await.unwrap();

    let error = promoting.await.unwrap().unwrap_err();
    assert!(
        matches!(error, MembershipError::LearnerNotFound { node_id: 2, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_promotes_and_replaces_nobody() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let follower = &nodes[1].1;
    follower.wait("knows the leader", |m| m.current_leader == Some(1)).await;

    for refused in [
        promote_learner(&follower.raft, 3, 0, DEADLINE).await,
        replace_voter(&follower.raft, 3, 9, 0, DEADLINE).await,
    ] {
        let error = refused.unwrap_err();
        assert!(has_source(&error));
        let MembershipError::NotLeader { leader, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(leader, Some((1, address(1))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_deposed_while_it_waits_names_the_next_one() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [deposed, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    // This learner never starts.
    add_learner(&deposed.raft, 4, address(4), false).await.unwrap();
    let promoting = tokio::spawn({
        let raft = deposed.raft.clone();
        async move { promote_learner(&raft, 4, 0, DEADLINE).await }
    });

    network.partitions().isolate(1);
    wait_for_leader(&[b, c]).await;
    network.partitions().heal(1);

    let error = promoting.await.unwrap().unwrap_err();
    assert!(matches!(error, MembershipError::NotLeader { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_stopped_promotes_nobody() {
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), fresh([1]))
        .await
        .unwrap();
    node.wait_to_lead().await;
    add_learner(&node.raft, 2, address(2), false).await.unwrap();
    let promoting = tokio::spawn({
        let raft = node.raft.clone();
        async move { promote_learner(&raft, 2, 0, DEADLINE).await }
    });

    node.raft.shutdown().await.unwrap();

    for stopped in [
        promoting.await.unwrap(),
        promote_learner(&node.raft, 2, 0, DEADLINE).await,
        replace_voter(&node.raft, 1, 2, 0, DEADLINE).await,
    ] {
        let error = stopped.unwrap_err();
        assert!(has_source(&error));
        assert!(
            matches!(error, MembershipError::Fatal { source: Fatal::Stopped }),
            "{error:?}"
        );
    }
}
