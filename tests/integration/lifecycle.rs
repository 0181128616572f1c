//! Starting, growing and watching real nodes, on RocksDB and an in-process network.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;

use futures_util::stream::FusedStream;
use futures_util::{FutureExt, StreamExt, poll};
use openraft_toolkit::WriteVersion;
use openraft_toolkit::lifecycle::{
    BootstrapError, BootstrapMode, Bootstrapped, LeadershipState, MembershipError, add_learner, add_learner_checked,
    bootstrap, change_membership, leadership_events, leadership_events_from_metrics,
};
use openraft_toolkit::log_store::Flat;
use openraft_toolkit::openraft::alias::{StoredMembershipOf, VoteOf};
use openraft_toolkit::openraft::async_runtime::{WatchReceiver, WatchSender};
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::openraft::raft::VoteRequest;
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::{BasicNode, Config, EntryPayload, Membership, RaftMetrics, ServerState};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{
    DEADLINE, Host, Keys, Node, Raft, address, config, fresh, members, wait_for_leader, wait_to_agree,
};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

/// A node that never stands for election, so that only what a test does changes its storage.
fn passive() -> Config {
    Config {
        enable_elect: false,
        ..config()
    }
}

/// A host whose storage has the log of a cluster of its own, with `writes` entries in it.
async fn host_with_state(writes: usize) -> Host {
    let host = Host::new(1, Keys::Flat);
    let (node, _) = host.start(&MemNetwork::new(), fresh([1])).await.unwrap();
    node.wait_to_lead().await;
    for i in 0..writes {
        node.set("k", &i.to_string()).await;
    }
    node.stop().await;
    host
}

/// Three hosts and the nodes on them, of which node 1 leads.
async fn three_nodes(network: &Arc<MemNetwork<TypeConfig>>) -> Vec<(Host, Node)> {
    let mut nodes = Vec::new();
    for id in [2, 3] {
        let host = Host::new(id, Keys::Flat);
        let (node, bootstrapped) = host.start(network, BootstrapMode::Join).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Joining);
        nodes.push((host, node));
    }
    let host = Host::new(1, Keys::Flat);
    let (node, bootstrapped) = host.start(network, fresh([1, 2, 3])).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Initialized);
    nodes.insert(0, (host, node));
    nodes[0].1.wait_to_lead().await;
    nodes
}

fn voters(node: &Node) -> BTreeSet<u64> {
    node.raft.voter_ids().collect()
}

fn is_joint(membership: &StoredMembershipOf<TypeConfig>) -> bool {
    membership.membership().get_joint_config().len() > 1
}

fn learners(node: &Node) -> BTreeSet<u64> {
    node.raft.learner_ids().collect()
}

mod bootstrap_modes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn fresh_on_blank_storage_forms_a_cluster() {
        let network = MemNetwork::new();
        for keys in [Keys::Flat, Keys::Group(7)] {
            let host = Host::new(1, keys);

            let (node, bootstrapped) = host.start(&network, fresh([1])).await.unwrap();
            assert_eq!(bootstrapped, Bootstrapped::Initialized);

            node.wait_to_lead().await;
            node.set("k", "v").await;
            assert_eq!(node.kv.get("k").as_deref(), Some("v"));
            node.stop().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fresh_on_existing_storage_changes_nothing() {
        let host = host_with_state(5).await;
        let before = host.stored().await;
        assert!(before.entries.len() > 5);

        let node = host.open_with(&MemNetwork::new(), passive()).await;
        let error = bootstrap(&node.raft, fresh([1, 2, 3])).await.unwrap_err();
        assert_eq!(error, BootstrapError::UnexpectedExistingState);
        assert_eq!(voters(&node), BTreeSet::from([1]));
        node.stop().await;

        assert_eq!(host.stored().await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_vote_alone_is_state() {
        let host = Host::new(1, Keys::Flat);
        let node = host.open_with(&MemNetwork::new(), passive()).await;
        let vote = VoteOf::<TypeConfig>::new(3, 2);
        assert!(node.raft.vote(VoteRequest::new(vote, None)).await.unwrap().vote_granted);
        node.stop().await;
        let before = host.stored().await;
        assert_eq!((before.vote, before.entries.len()), (Some(vote), 0));

        let node = host.open_with(&MemNetwork::new(), passive()).await;
        let error = bootstrap(&node.raft, fresh([1])).await.unwrap_err();
        assert_eq!(error, BootstrapError::UnexpectedExistingState);
        for mode in [BootstrapMode::Reopen, BootstrapMode::Join] {
            assert_eq!(bootstrap(&node.raft, mode).await.unwrap(), Bootstrapped::Resumed);
        }
        node.stop().await;
        assert_eq!(host.stored().await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn reopen_resumes_what_is_on_disk() {
        let host = host_with_state(5).await;

        let (node, bootstrapped) = host.start(&MemNetwork::new(), BootstrapMode::Reopen).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Resumed);

        node.wait_to_lead().await;
        assert_eq!(node.kv.get("k").as_deref(), Some("4"));
        node.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn reopen_resumes_a_log_that_is_purged_to_its_end() {
        let host = Host::new(1, Keys::Flat);
        let network = MemNetwork::new();
        let (node, _) = host.start(&network, fresh([1])).await.unwrap();
        node.wait_to_lead().await;
        node.set("k", "v").await;
        node.raft.trigger().snapshot().await.unwrap();
        let last = node.wait("has a snapshot of everything", |m| {
            m.snapshot.is_some_and(|s| Some(s.index) == m.last_log_index)
        });
        let last = last.await.snapshot;
        node.wait("has purged its log", |m| m.purged == last).await;
        node.stop().await;
        assert_eq!(host.stored().await.entries, []);

        let (node, bootstrapped) = host.start(&network, BootstrapMode::Reopen).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Resumed);
        node.wait_to_lead().await;
        assert_eq!(node.kv.get("k").as_deref(), Some("v"));
        node.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn reopen_refuses_blank_storage_and_leaves_it_blank() {
        let host = Host::new(1, Keys::Flat);

        let node = host.open(&MemNetwork::new()).await;
        let error = bootstrap(&node.raft, BootstrapMode::Reopen).await.unwrap_err();
        assert_eq!(error, BootstrapError::NoExistingState);
        node.stop().await;

        assert!(host.stored().await.is_blank());
    }

    /// Why `bootstrap` comes before the node is reachable.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_blank_node_that_is_reachable_grants_votes_and_then_has_state() {
        let host = Host::new(1, Keys::Flat);
        let node = host.open(&MemNetwork::new()).await;

        let request = VoteRequest::new(VoteOf::<TypeConfig>::new(9, 2), None);
        assert!(node.raft.vote(request).await.unwrap().vote_granted);

        assert_eq!(
            bootstrap(&node.raft, BootstrapMode::Reopen).await.unwrap(),
            Bootstrapped::Resumed
        );
        node.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn join_waits_to_be_added_and_resumes_with_the_same_flags() {
        let network = MemNetwork::new();
        let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
        leader.wait_to_lead().await;
        leader.set("k", "v1").await;

        let host = Host::new(2, Keys::Group(2));
        let (node, bootstrapped) = host.start(&network, BootstrapMode::Join).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Joining);
        assert_eq!(node.raft.metrics().borrow_watched().state, ServerState::Learner);

        add_learner(&leader.raft, 2, address(2), true).await.unwrap();
        wait_to_agree(&leader, &[&node]).await;
        node.stop().await;
        leader.set("k", "v2").await;

        let (node, bootstrapped) = host.start(&network, BootstrapMode::Join).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Resumed);
        wait_to_agree(&leader, &[&node]).await;
        assert_eq!(node.kv.get("k").as_deref(), Some("v2"));

        node.stop().await;
        leader.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fresh_needs_members_of_which_this_node_is_one() {
        let host = Host::new(1, Keys::Flat);
        let node = host.open(&MemNetwork::new()).await;

        let error = bootstrap(&node.raft, fresh([])).await.unwrap_err();
        assert_eq!(error, BootstrapError::NoInitialMembers);

        let error = bootstrap(&node.raft, fresh([2, 3])).await.unwrap_err();
        assert!(
            matches!(error, BootstrapError::NotInitialMember { node_id: 1, .. }),
            "{error:?}"
        );
        assert!(error.source().is_some());

        // Neither has left a trace.
        assert_eq!(
            bootstrap(&node.raft, fresh([1])).await.unwrap(),
            Bootstrapped::Initialized
        );
        node.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_has_stopped_does_not_start() {
        let host = Host::new(1, Keys::Flat);
        let node = host.open(&MemNetwork::new()).await;
        node.raft.shutdown().await.unwrap();

        for mode in [fresh([1]), BootstrapMode::Reopen, BootstrapMode::Join] {
            let error = bootstrap(&node.raft, mode).await.unwrap_err();
            assert!(
                matches!(error, BootstrapError::Fatal { source: Fatal::Stopped }),
                "{error:?}"
            );
            assert!(error.source().is_some());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_was_only_built_is_run() {
        let host = Host::new(1, Keys::Flat);
        let network = MemNetwork::new();
        let config = Arc::new(config().validate().unwrap());
        let kv = KvStateMachine::open(host.path());
        let factory = network.factory_for(1);
        let raft = Raft::build(1, config, factory, host.log_store(Flat).await, kv)
            .await
            .unwrap();

        let bootstrapped = timeout(DEADLINE, bootstrap(&raft, BootstrapMode::Join)).await.unwrap();
        assert_eq!(bootstrapped.unwrap(), Bootstrapped::Joining);
        raft.shutdown().await.unwrap();
    }
}

mod membership_changes {
    use super::*;

    fn has_source(error: &MembershipError<TypeConfig>) -> bool {
        error.source().is_some()
    }

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
            added = &mut caught_up => panic!("{added:?} while it has nothing"),
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
        // Polled once, it has found the level low enough.
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
    async fn where_no_leader_is_known_none_is_named() {
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

        // The joint membership needs both nodes, and one is gone.
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

        // Polled once, a change proposes its first step; not polled again, it never gets to the second.
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

        // Proposed while it still leads, and never replicated.
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

        // Neither a change of address nor two voters at once go through openraft's direct append.
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
}

mod leadership {
    use super::*;

    type State = LeadershipState<TypeConfig>;

    fn metrics(state: ServerState, term: u64, leader: Option<u64>) -> RaftMetrics<TypeConfig> {
        RaftMetrics {
            state,
            current_term: term,
            current_leader: leader,
            ..RaftMetrics::new_initial(1)
        }
    }

    #[tokio::test]
    async fn every_change_of_role_term_or_leader_is_an_event_and_nothing_else_is() {
        let (tx, rx) = TypeConfig::watch_channel(metrics(ServerState::Follower, 1, None));
        let mut events = leadership_events_from_metrics(rx);
        let steps = [
            // The first state, at once.
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
        // What does not concern the leadership, any number of times.
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
    async fn a_slow_reader_sees_where_things_are_now() {
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
            assert_eq!(events.next().await, None, "it stays ended when polled again");
        }
    }

    #[tokio::test]
    async fn a_node_that_goes_without_a_word_has_shut_down() {
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
        // Spawned: the stream neither borrows the node nor is bound to this task.
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
}
