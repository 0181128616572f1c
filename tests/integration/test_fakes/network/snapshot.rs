//! If the transfer of a snapshot is cut off, openraft sends the snapshot again, and the target is unharmed.

use std::time::Duration;

use openraft_toolkit::add_learner;
use openraft_toolkit::openraft::BasicNode;
use openraft_toolkit::test_fakes::{Cluster, ClusterError, LinkFaults, RpcKind};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::{Set, TypeConfig};
use tokio::time::{Instant, sleep};

use crate::test_fakes::stores::Disks;

type Error = ClusterError<TypeConfig>;
type Kv = Cluster<TypeConfig, KvStateMachine>;

/// Starts a leader whose log begins after a snapshot, so that a new node needs the snapshot.
async fn with_snapshot() -> Result<Kv, Error> {
    let disks = Disks::default();
    let cluster = Cluster::builder(move |id| disks.clone().open(id))
        .nodes([1])
        .start()
        .await?;
    cluster.wait_for_leader().await?;
    for i in 0..50 {
        let set = Set {
            key: i.to_string(),
            value: "v".to_owned(),
        };
        cluster.raft(1).client_write(set).await.unwrap();
    }
    cluster.raft(1).trigger().snapshot().await.unwrap();
    let purged = cluster
        .wait_for_metrics(1, "it has purged its log", |m| m.purged.is_some())
        .await?;
    assert!(purged.purged.unwrap().index >= 50);
    Ok(cluster)
}

/// Adds node 2, and makes the transfer of the snapshot to it take `time`.
async fn start_transfer(cluster: &Kv, time: Duration) -> Result<(), Error> {
    let network = cluster.network();
    network.set_link_faults(1, 2, LinkFaults::new().snapshot_transfer(time));
    cluster.add_node(2).await?;
    add_learner(&cluster.raft(1), 2, BasicNode::default(), false)
        .await
        .unwrap();
    let sent = || network.counts(1, 2, RpcKind::FullSnapshot).sent;
    cluster.wait_until("it is under way", |_| sent() == 1).await
}

async fn assert_caught_up(cluster: &Kv) -> Result<(), Error> {
    cluster.wait_for_agreement().await?;
    assert_eq!(cluster.state_machine(2).applied(), cluster.state_machine(1).applied());
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_cut_halfway_is_sent_again() -> Result<(), Error> {
    let cluster = with_snapshot().await?;
    cluster.network().interrupt_snapshots(1, 2, 2);

    cluster.add_learner(2, BasicNode::default()).await?;

    let counts = cluster.network().counts(1, 2, RpcKind::FullSnapshot);
    assert_eq!(
        (counts.sent, counts.requests_lost, counts.delivered, counts.answered),
        (3, 2, 1, 1),
        "{counts}"
    );
    assert_caught_up(&cluster).await
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_whose_answer_is_lost_is_sent_and_installed_again() -> Result<(), Error> {
    let cluster = with_snapshot().await?;
    let network = cluster.network();
    let second = Duration::from_secs(1);
    start_transfer(&cluster, second).await?;

    sleep(second / 4).await;
    network.set_link_faults(2, 1, LinkFaults::new().drop_answers(1.0));
    let counts = || network.counts(1, 2, RpcKind::FullSnapshot);
    cluster
        .wait_until("its answer is lost", |_| counts().answers_lost == 1)
        .await?;
    network.clear_faults();

    assert_caught_up(&cluster).await?;
    assert_eq!(
        (counts().sent, counts().delivered, counts().answered),
        (2, 2, 1),
        "{}",
        counts()
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_partition_during_a_transfer_ends_it() -> Result<(), Error> {
    let cluster = with_snapshot().await?;
    let network = cluster.network();
    let second = Duration::from_secs(1);
    start_transfer(&cluster, second).await?;
    let counts = || network.counts(1, 2, RpcKind::FullSnapshot);
    let started = Instant::now();

    sleep(second / 4).await;
    network.partitions().isolate(2);
    cluster.wait_until("it is cut", |_| counts().requests_lost == 1).await?;
    assert!(started.elapsed() < second);
    assert_eq!(cluster.state_machine(2).applied().last_log_id, None);

    network.partitions().heal(2);
    assert_caught_up(&cluster).await
}

#[tokio::test(start_paused = true)]
async fn a_target_that_crashes_during_a_transfer_gets_nothing_of_it() -> Result<(), Error> {
    let cluster = with_snapshot().await?;
    let network = cluster.network();
    let second = Duration::from_secs(1);
    start_transfer(&cluster, second).await?;
    let counts = || network.counts(1, 2, RpcKind::FullSnapshot);

    sleep(second / 4).await;
    cluster.crash(2).await?;
    cluster.restart(2).await?;
    cluster
        .wait_until("the rest did not reach the next process", |_| {
            counts().requests_lost == 1
        })
        .await?;
    assert_eq!(counts().delivered, 0);

    assert_caught_up(&cluster).await
}
