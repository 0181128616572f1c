//! The version at which each node of a cluster writes while the level is raised.

use std::sync::Arc;

use futures_util::poll;
use openraft_toolkit::lifecycle::{MembershipError, add_learner_checked, change_membership};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, eventually};
use tempfile::TempDir;
use tokio::time::timeout;

use super::commands::{Command, leased, put};
use super::node::{Node, has_member, leader_and_learner};

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_stores_and_applies_newer_entries_before_it_has_applied_the_raise() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, follower) = leader_and_learner(&dirs).await;
    leader.write(put("a")).await;
    eventually("both have applied it", || leader.applied() == follower.applied()).await;

    // The follower's state machine is blocked, while the leader's state machine raises the level.
    follower.gate.send_replace(false);
    leader.write(Command::Raise(3)).await;
    assert_eq!(leader.level(), 3);
    for command in [put("b"), leased("c"), Command::Clear] {
        leader.write(command).await;
    }
    eventually("the follower has stored all of it", || follower.versions().len() == 5).await;

    // The follower writes at its old level each command that this level can hold.
    assert_eq!(follower.level(), 1);
    assert_eq!(leader.versions(), [1, 1, 3, 3, 3]);
    assert_eq!(follower.versions(), [1, 1, 1, 2, 3]);

    // Once the follower has applied the raise, it writes at the new level, and has lost nothing.
    follower.gate.send_replace(true);
    eventually("both have applied it", || leader.applied() == follower.applied()).await;
    assert_eq!(follower.level(), 3);
    leader.write(put("d")).await;
    eventually("both have applied it", || leader.applied() == follower.applied()).await;
    eventually("and stored it at the new level", || {
        follower.versions() == [1, 1, 1, 2, 3, 3]
    })
    .await;

    // After a restart, a state machine in memory finds the level in the log, whose entries have three versions.
    let commands = leader.applied().commands;
    leader.raft.shutdown().await.unwrap();
    follower.raft.shutdown().await.unwrap();
    for (id, dir, node) in [(1, &dirs[0], leader), (2, &dirs[1], follower)] {
        let released = Arc::downgrade(&node.db);
        drop(node);
        eventually("the database is closed", || released.strong_count() == 0).await;
        let node = Node::start(id, dir, &MemNetwork::new()).await;
        eventually("the log is applied again", || node.applied().commands == commands).await;
        assert_eq!(node.level(), 3);
        node.raft.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_field_may_differ_from_node_to_node() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, follower) = leader_and_learner(&dirs).await;
    follower.gate.send_replace(false);
    leader.write(Command::Raise(3)).await;

    let traced = Command::Put {
        key: "a".to_owned(),
        lease: None,
        trace: 7,
    };
    leader.write(traced.clone()).await;
    eventually("the follower has stored it", || follower.versions().len() == 2).await;
    follower.gate.send_replace(true);
    eventually("both have applied it", || {
        leader.applied().last == follower.applied().last
    })
    .await;

    assert_eq!(leader.applied().commands, [Command::Raise(3), traced]);
    assert_eq!(follower.applied().commands, [Command::Raise(3), put("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_is_removed_again_if_the_level_was_raised_before_it_in_the_log() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, _learner) = leader_and_learner(&dirs).await;
    let level = leader.machine.level.clone();

    // When the new node's release is checked, the raise is committed but not applied.
    leader.gate.send_replace(false);
    let raising = leader.raft.client_write(Command::Raise(3));
    let adding = add_learner_checked(&leader.raft, 3, (), true, &level, 1);
    let (mut raising, mut adding) = (Box::pin(raising), Box::pin(adding));
    assert!(poll!(raising.as_mut()).is_pending());
    assert!(poll!(adding.as_mut()).is_pending());
    tokio::select! {
        added = &mut adding => panic!("{added:?} before it is applied"),
        () = leader.wait("has added it", |m| has_member(m, 3)) => {}
    }

    // The call does not wait for the new node, which is not even running.
    leader.gate.send_replace(true);
    let error = timeout(DEADLINE, adding).await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            MembershipError::TooOld {
                node_id: 3,
                newest: 1,
                level: 3,
                not_removed: None
            }
        ),
        "{error:?}"
    );
    raising.await.unwrap();
    leader.wait("has removed it", |m| !has_member(m, 3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_is_too_old_and_cannot_be_removed_again_is_reported() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, learner) = leader_and_learner(&dirs).await;
    let level = leader.machine.level.clone();

    leader.gate.send_replace(false);
    let mut adding = Box::pin(add_learner_checked(&leader.raft, 3, (), true, &level, 1));
    tokio::select! {
        added = &mut adding => panic!("{added:?} before it is applied"),
        () = leader.wait("has added it", |m| has_member(m, 3)) => {}
    }
    // Another change is in progress. It cannot be committed, because one of its voters has stopped.
    learner.raft.shutdown().await.unwrap();
    let mut change = Box::pin(change_membership(&leader.raft, [1, 2].into(), true));
    assert!(poll!(change.as_mut()).is_pending());
    leader
        .wait("is in the joint membership", |m| {
            m.membership_config.membership().get_joint_config().len() > 1
        })
        .await;
    level.raise(3).unwrap();
    leader.gate.send_replace(true);

    let error = timeout(DEADLINE, adding).await.unwrap().unwrap_err();
    let help = "help: start it with a newer release, or remove it: it is a learner by now";
    assert!(error.to_string().ends_with(help), "{error}");
    let MembershipError::TooOld {
        not_removed: Some(not_removed),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(
        matches!(*not_removed, MembershipError::InProgress { .. }),
        "{not_removed:?}"
    );
    leader.wait("still has it", |m| has_member(m, 3)).await;
}
