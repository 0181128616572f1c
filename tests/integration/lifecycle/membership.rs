//! Changes of the membership, and each of their errors.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::poll;
use openraft_toolkit::WriteVersion;
use openraft_toolkit::lifecycle::{
    BootstrapMode, MembershipError, add_learner, add_learner_checked, bootstrap, change_membership,
};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::openraft::{BasicNode, Config, EntryPayload, Membership};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{
    DEADLINE, Host, Keys, address, config, fresh, members, wait_for_leader, wait_to_agree,
};
use tokio::time::timeout;

use super::{has_source, is_joint, learners, three_nodes, voters};

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_becomes_a_voter_and_a_voter_leaves_or_stays_as_a_learner() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    let mut others = Vec::new();
    for id in [2, 3] {
        let host = Host::new(id, Keys::Flat);
        let (node, _) = host.start(&network, BootstrapMode::Join).await.unwrap();
        let log_id = add_learner(&leader.raft, id, address(id), true).await.unwrap();
        let metrics = leader.wait("reports the learner", |m| {
            m.committed_membership_config.log_id() == &Some(log_id)
        });
        metrics.await;
        others.push((host, node));
    }
    assert_eq!(learners(&leader), BTreeSet::from([2, 3]));

    let log_id = change_membership(&leader.raft, BTreeSet::from([1, 2, 3]), false)
        .await
        .unwrap();
    let metrics = leader.wait("reports the voters", |m| {
        m.committed_membership_config.log_id() == &Some(log_id)
    });
    assert!(!is_joint(&metrics.await.membership_config));
    assert_eq!(
        (voters(&leader), learners(&leader)),
        (BTreeSet::from([1, 2, 3]), BTreeSet::new())
    );

    change_membership(&leader.raft, BTreeSet::from([1, 2]), true)
        .await
        .unwrap();
    assert_eq!(
        (voters(&leader), learners(&leader)),
        (BTreeSet::from([1, 2]), BTreeSet::from([3]))
    );

    change_membership(&leader.raft, BTreeSet::from([1]), false)
        .await
        .unwrap();
    assert_eq!(
        (voters(&leader), learners(&leader)),
        (BTreeSet::from([1]), BTreeSet::from([3]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_waits_until_the_learner_has_caught_up() {
    let network = MemNetwork::new();
    let host = Host::new(1, Keys::Flat);
    let near = Config {
        replication_lag_threshold: 1,
        ..config()
    };
    let leader = host.open_with(&network, near).await;
    bootstrap(&leader.raft, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    for i in 0..10 {
        leader.set("k", &i.to_string()).await;
    }
    let (learner, _) = Host::new(2, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();

    network.partitions().isolate(2);
    let committed = add_learner(&leader.raft, 2, address(2), false).await.unwrap();
    let mut caught_up = Box::pin(add_learner(&leader.raft, 2, address(2), true));
    let proposed_and_committed = leader.wait("has added it again", |m| {
        m.committed_membership_config.log_id() > &Some(committed)
    });
    tokio::select! {
        added = &mut caught_up => panic!("{added:?} while the learner has nothing"),
        _ = proposed_and_committed => {}
    }
    assert!(poll!(caught_up.as_mut()).is_pending());

    network.partitions().heal(2);
    let added = timeout(DEADLINE, caught_up).await.unwrap().unwrap();
    let replicated = leader.raft.metrics().borrow_watched().replication.clone().unwrap();
    assert!(
        replicated[&2].is_some_and(|last| last.index + 1 >= added.index),
        "{replicated:?}"
    );
    learner
        .wait("has the log", |m| m.last_log_index >= Some(added.index - 1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_member_again_keeps_its_node() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;

    add_learner(&leader.raft, 1, BasicNode::new("elsewhere"), true)
        .await
        .unwrap();

    let metrics = leader.raft.metrics().borrow_watched().clone();
    assert_eq!(metrics.membership_config.membership().get_node(&1), Some(&address(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_too_old_is_not_added_until_its_release_is_newer() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    let (node, _) = Host::new(2, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();
    let before = leader.raft.metrics().borrow_watched().membership_config.clone();
    let level = WriteVersion::new(3);

    let error = add_learner_checked(&leader.raft, 2, address(2), true, &level, 1)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "node 2 reads versions up to 1, and the cluster writes at level 3; \
         help: start it with a newer release, then add it"
    );
    assert!(
        matches!(
            error,
            MembershipError::TooOld {
                node_id: 2,
                newest: 1,
                level: 3,
                not_removed: None
            }
        ),
        "{error:?}"
    );
    // Nothing was proposed.
    assert_eq!(leader.raft.metrics().borrow_watched().membership_config, before);

    let log_id = add_learner_checked(&leader.raft, 2, address(2), true, &level, 3)
        .await
        .unwrap();
    leader
        .wait("reports the learner", |m| {
            m.committed_membership_config.log_id() == &Some(log_id)
        })
        .await;
    assert_eq!(learners(&leader), BTreeSet::from([2]));
    leader.set("k", "v").await;
    wait_to_agree(&leader, &[&node]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_has_become_too_old_stays_a_member() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    add_learner(&leader.raft, 2, address(2), false).await.unwrap();
    let level = WriteVersion::new(1);

    let mut adding = Box::pin(add_learner_checked(&leader.raft, 2, address(2), true, &level, 1));
    // At its first poll, the call has compared the release with the level, and has found the level low enough.
    assert!(poll!(adding.as_mut()).is_pending());
    level.raise(2).unwrap();

    let error = timeout(DEADLINE, adding).await.unwrap().unwrap_err();
    assert!(
        matches!(error, MembershipError::TooOld { not_removed: None, .. }),
        "{error:?}"
    );
    let is_member = leader
        .raft
        .with_raft_state(|state| state.membership_state.effective().get_node(&2).is_some());
    assert!(is_member.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_names_the_leader_to_redirect_to() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let follower = &nodes[1].1;
    follower.wait("knows the leader", |m| m.current_leader == Some(1)).await;

    let error = change_membership(&follower.raft, BTreeSet::from([1]), false)
        .await
        .unwrap_err();

    assert!(has_source(&error));
    assert_eq!(error.to_string(), "this node is not the leader; help: ask node 1");
    let MembershipError::NotLeader { leader, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(leader, Some((1, address(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_leader_is_known_the_error_names_none() {
    let network = MemNetwork::new();
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();

    let error = add_learner(&node.raft, 2, address(2), true).await.unwrap_err();

    assert!(has_source(&error));
    assert!(
        matches!(error, MembershipError::NotLeader { leader: None, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_the_one_in_progress_which_survives_its_caller() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    let host = Host::new(2, Keys::Flat);
    let (node, _) = host.start(&network, BootstrapMode::Join).await.unwrap();
    add_learner(&leader.raft, 2, address(2), true).await.unwrap();

    // The joint membership needs both nodes, and one is cut off.
    network.partitions().isolate(2);
    let mut change = Box::pin(change_membership(&leader.raft, BTreeSet::from([1, 2]), false));
    assert!(poll!(change.as_mut()).is_pending());
    leader
        .wait("is in the joint membership", |m| is_joint(&m.membership_config))
        .await;

    let error = change_membership(&leader.raft, BTreeSet::from([1]), false)
        .await
        .unwrap_err();
    assert!(has_source(&error));
    assert!(matches!(error, MembershipError::InProgress { .. }), "{error:?}");

    drop(change);
    network.partitions().heal(2);
    let nodes = [&leader, &node];
    let leader = wait_for_leader(&nodes).await;
    leader
        .wait("has committed it", |m| {
            m.membership_config == m.committed_membership_config
        })
        .await;
    change_membership(&leader.raft, BTreeSet::from([1, 2]), false)
        .await
        .unwrap();
    assert_eq!(voters(leader), BTreeSet::from([1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_must_be_a_learner_first() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;

    let error = change_membership(&leader.raft, BTreeSet::from([1, 9]), false)
        .await
        .unwrap_err();

    assert!(has_source(&error));
    assert!(
        matches!(error, MembershipError::LearnerNotFound { node_id: 9, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn some_voter_must_be_left() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;

    let error = change_membership(&leader.raft, BTreeSet::new(), false)
        .await
        .unwrap_err();

    assert!(has_source(&error));
    assert!(matches!(error, MembershipError::EmptyVoters { .. }), "{error:?}");
    assert_eq!(voters(&leader), BTreeSet::from([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_another_one_overtakes_is_not_completed() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    let (node, _) = Host::new(2, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();
    add_learner(&leader.raft, 2, address(2), true).await.unwrap();

    // At its first poll a change proposes its first step. It is not polled again, and never proposes the second.
    let mut change = Box::pin(change_membership(&leader.raft, BTreeSet::from([1, 2]), false));
    assert!(poll!(change.as_mut()).is_pending());
    leader
        .wait("has committed the joint membership", |m| {
            is_joint(&m.committed_membership_config)
        })
        .await;
    change_membership(&leader.raft, BTreeSet::from([1]), true)
        .await
        .unwrap();

    let error = change.await.unwrap_err();
    assert!(has_source(&error));
    assert!(matches!(error, MembershipError::Overtaken { .. }), "{error:?}");
    assert_eq!(voters(&leader), BTreeSet::from([1]));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_leader_is_deposed_has_an_unknown_outcome() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [deposed, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];

    // The node proposes this change while it still leads, and never replicates it.
    network.partitions().isolate(1);
    let change = tokio::spawn({
        let raft = deposed.raft.clone();
        async move { add_learner(&raft, 4, address(4), false).await }
    });
    deposed
        .wait("has it in its log", |m| {
            m.membership_config.membership().get_node(&4).is_some()
        })
        .await;
    let leader = wait_for_leader(&[b, c]).await;
    leader.set("k", "v").await;
    network.partitions().heal(1);

    let error = timeout(DEADLINE, change).await.unwrap().unwrap().unwrap_err();
    assert!(has_source(&error));
    let MembershipError::OutcomeUnknown { leader: named, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(named, Some((leader.id, address(leader.id))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_openraft_refuses_in_one_step_is_rejected() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;

    // openraft's direct append takes neither a change of an address nor two new voters at once.
    let moved = Membership::new(
        vec![BTreeSet::from([1])],
        BTreeMap::from([(1, BasicNode::new("elsewhere"))]),
    );
    let doubled = Membership::new(vec![BTreeSet::from([1, 2, 3])], members([1, 2, 3]));
    for membership in [moved, doubled] {
        let refused = leader
            .raft
            .append_membership(membership.unwrap(), EntryPayload::Blank, [])
            .await;
        let error = MembershipError::from(refused.unwrap_err());
        assert!(has_source(&error));
        assert!(matches!(error, MembershipError::Rejected { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_stopped_changes_nothing() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.raft.shutdown().await.unwrap();

    let error = add_learner(&leader.raft, 2, address(2), false).await.unwrap_err();

    assert!(has_source(&error));
    assert!(
        matches!(error, MembershipError::Fatal { source: Fatal::Stopped }),
        "{error:?}"
    );
}
