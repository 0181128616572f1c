//! `Cluster`: nodes that are started, waited for, crashed and grown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::BootstrapError;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::{BasicNode, Config, Raft};
use openraft_toolkit::test_fakes::{Cluster, ClusterError, ClusterNetwork, LinkFaults, MemNetwork, RpcKind};
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, config, eventually};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::{Set, TypeConfig};
use tokio::time::timeout;

use super::stores::{Disks, MemLog};

type Kv = Cluster<TypeConfig, KvStateMachine>;
type Error = ClusterError<TypeConfig>;

fn set(key: &str, value: impl ToString) -> Set {
    Set {
        key: key.to_owned(),
        value: value.to_string(),
    }
}

/// Starts three nodes on stores in memory.
async fn three_nodes() -> Result<Kv, Error> {
    let disks = Disks::default();
    let cluster = Cluster::builder(move |id| disks.clone().open(id));
    cluster.nodes([1, 2, 3]).start().await
}

#[tokio::test(start_paused = true)]
async fn writes_reach_all_nodes() -> Result<(), Error> {
    let cluster = three_nodes().await?;
    let leader = cluster.wait_for_leader().await?;

    let written = cluster.raft(leader).client_write(set("k", "v")).await.unwrap();

    cluster.wait_for_applied(written.log_id.index).await?;
    for id in cluster.running() {
        assert_eq!(cluster.state_machine(id).get("k").as_deref(), Some("v"));
    }
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn a_test_of_minutes_takes_seconds() -> Result<(), Error> {
    let wall = std::time::Instant::now();
    let simulated = tokio::time::Instant::now();
    let ms = Duration::from_millis;
    // Latencies are as between continents. The clock is paused, so the test takes only openraft's CPU time, which grows
    // with the number of heartbeats.
    let config = Config {
        heartbeat_interval: 500,
        election_timeout_min: 2_000,
        election_timeout_max: 4_000,
        ..config()
    };
    let network = MemNetwork::with_seed(1);
    network.set_faults(LinkFaults::new().latency(ms(80)).jitter(ms(40)).drop(0.01));
    let disks = Disks::default();
    let cluster = Cluster::builder(move |id| disks.clone().open(id))
        .nodes([1, 2, 3])
        .network(network.clone())
        .config(config)
        .start()
        .await?;

    let mut leader = cluster.wait_for_leader().await?;
    for i in 0..20 {
        // On a lossy network, a leader is deposed now and then.
        while cluster.raft(leader).client_write(set("k", i)).await.is_err() {
            leader = cluster.wait_for_leader().await?;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
    }

    network.clear_faults();
    cluster.wait_for_agreement().await?;
    assert_eq!(cluster.state_machine(1).get("k").as_deref(), Some("19"));
    let heartbeats = network.total_counts(RpcKind::AppendEntries);
    assert!(heartbeats.sent > 1_000 && heartbeats.requests_lost > 0, "{heartbeats}");
    let (simulated, wall) = (simulated.elapsed(), wall.elapsed());
    println!("{simulated:?} in {wall:?}: {heartbeats}");
    assert!(simulated >= Duration::from_secs(300));
    assert!(wall < simulated / 10, "{wall:?}");
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn a_crashed_leader_is_replaced_and_comes_back_with_what_it_had() -> Result<(), Error> {
    let cluster = three_nodes().await?;
    let first = cluster.wait_for_leader().await?;
    cluster.raft(first).client_write(set("before", 1)).await.unwrap();

    cluster.crash(first).await?;
    assert_eq!(cluster.down(), [first].into());
    let second = cluster.wait_for_leader().await?;
    assert_ne!(second, first);
    cluster.raft(second).client_write(set("meanwhile", 2)).await.unwrap();

    cluster.restart(first).await?;
    cluster.wait_for_agreement().await?;
    let kv = cluster.state_machine(first);
    assert_eq!(kv.get("before").as_deref(), Some("1"));
    assert_eq!(kv.get("meanwhile").as_deref(), Some("2"));
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn tasks_share_a_cluster() -> Result<(), Error> {
    let cluster = Arc::new(three_nodes().await?);
    cluster.wait_for_leader().await?;
    let nemesis = tokio::spawn({
        let cluster = cluster.clone();
        async move {
            for _ in 0..5 {
                let leader = cluster.wait_for_leader().await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                cluster.crash(leader).await?;
                cluster.wait_for_leader().await?;
                cluster.restart(leader).await?;
            }
            Ok::<(), Error>(())
        }
    });

    let mut acknowledged = 0;
    while !nemesis.is_finished() {
        for raft in cluster.running().iter().filter_map(|id| cluster.get(id)) {
            if raft.client_write(set("k", acknowledged + 1)).await.is_ok() {
                acknowledged += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    nemesis.await.unwrap()?;
    let leader = cluster.wait_for_agreement().await?;
    assert!(acknowledged > 20, "{acknowledged}");
    // The client may have missed the answer to the last write.
    let last: i32 = cluster.state_machine(leader).get("k").unwrap().parse().unwrap();
    assert!(
        [acknowledged, acknowledged + 1].contains(&last),
        "{last}, of {acknowledged}"
    );
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn no_message_that_a_crashed_node_still_sends_arrives() -> Result<(), Error> {
    let cluster = three_nodes().await?;
    let leader = cluster.wait_for_leader().await?;
    // The node continues to run, but the network treats it as crashed.
    cluster.network().crash(leader);
    let before = cluster
        .network()
        .counts(leader, leader % 3 + 1, RpcKind::AppendEntries)
        .sent;

    let others = [leader % 3 + 1, (leader + 1) % 3 + 1];
    let next = cluster.wait_for_leader_among(others).await?;

    assert_ne!(next, leader);
    let after = cluster
        .network()
        .counts(leader, leader % 3 + 1, RpcKind::AppendEntries)
        .sent;
    assert_eq!(before, after);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_dropped_ends_its_nodes() -> Result<(), Error> {
    let cluster = three_nodes().await?;
    cluster.wait_for_leader().await?;
    let mut metrics = cluster.raft(1).metrics();
    let network = Arc::downgrade(cluster.network());

    drop(cluster);

    eventually("the network is freed", || network.upgrade().is_none()).await;
    let gone = async { while metrics.changed().await.is_ok() {} };
    timeout(DEADLINE, gone).await.expect("the node is gone");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cluster_grows_and_shrinks() -> Result<(), Error> {
    let cluster = three_nodes().await?;
    let leader = cluster.wait_for_leader().await?;
    cluster.raft(leader).client_write(set("k", "v")).await.unwrap();

    cluster.add_learner(4, BasicNode::default()).await?;
    cluster.change_voters([1, 2, 3, 4]).await?;
    cluster.wait_for_voters([1, 2, 3, 4]).await?;
    assert_eq!(cluster.state_machine(4).get("k").as_deref(), Some("v"));

    cluster.change_voters([2, 3, 4]).await?;
    cluster.stop(1).await?;
    cluster.wait_for_voters([2, 3, 4]).await?;
    cluster.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_fails_says_what_each_node_believed() -> Result<(), Error> {
    let disks = Disks::default();
    let cluster = Cluster::builder(move |id| disks.clone().open(id))
        .nodes([1, 2, 3])
        .deadline(Duration::from_secs(5))
        .start()
        .await?;
    let leader = cluster.wait_for_leader().await?;
    let written = cluster.raft(leader).client_write(set("k", "v")).await.unwrap();
    let down = leader % 3 + 1;
    cluster.crash(down).await?;
    cluster.network().partitions().isolate(leader);

    let missed = cluster.wait_for_applied(written.log_id.index + 1).await.unwrap_err();

    assert!(matches!(&missed, ClusterError::Deadline { .. }));
    let text = missed.to_string();
    println!("{text}");
    let what = format!(
        "not within 5s: all running nodes have applied up to index {}",
        written.log_id.index + 1
    );
    assert!(text.starts_with(&what), "{text}");
    let line = |id: u64| text.lines().find(|line| line.starts_with(&format!("{id} "))).unwrap();
    assert!(line(leader).contains("running  Leader"), "{text}");
    assert!(line(down).contains("crashed  Follower"), "{text}");
    assert!(
        text.lines().filter(|line| line.ends_with("{1, 2, 3}")).count() == 3,
        "{text}"
    );
    assert!(text.contains(&format!("isolated: {leader}")), "{text}");
    assert!(text.contains("append_entries: "), "{text}");
    assert_eq!(
        format!("{missed:?}"),
        text,
        "a test that unwraps the error shows the same"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_there_cannot_be_used_stopped_or_restarted() -> Result<(), Error> {
    let cluster = three_nodes().await?;

    let never_there = cluster.restart(4).await.unwrap_err();
    assert!(
        matches!(never_there, ClusterError::NotRunning { id: 4, .. }),
        "{never_there}"
    );
    assert!(cluster.get(&4).is_none());
    let running = cluster.restart(1).await.unwrap_err();
    assert!(matches!(running, ClusterError::AlreadyThere { id: 1, .. }), "{running}");
    let twice = cluster.add_node(1).await.unwrap_err();
    assert!(matches!(twice, ClusterError::AlreadyThere { id: 1, .. }), "{twice}");

    cluster.stop(1).await?;
    let stopped = cluster.crash(1).await.unwrap_err();
    assert!(matches!(stopped, ClusterError::NotRunning { id: 1, .. }), "{stopped}");
    assert!(stopped.to_string().contains("1     stopped"), "{stopped}");
    Ok(())
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "node 4 does not run; help: `restart` it, or `add_learner` it if there never was one")]
async fn the_raft_of_a_node_that_is_not_there_is_a_panic_that_says_so() {
    three_nodes().await.unwrap().raft(4);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_made_anew_is_refused() -> Result<(), Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let forgetful = move |_| {
        let kv = KvStateMachine::open(&path);
        async move { Ok((MemLog::new(), kv)) }
    };
    let cluster: Kv = Cluster::builder(forgetful).nodes([1]).start().await?;
    cluster.wait_for_leader().await?;
    cluster.crash(1).await?;

    let refused = cluster.restart(1).await.unwrap_err();

    let blank = BootstrapError::NoExistingState;
    assert!(
        matches!(&refused, ClusterError::Bootstrap { id: 1, source } if *source == blank),
        "{refused:?}"
    );
    assert!(
        format!("{refused:?}").contains("there is nothing to reopen"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_start_is_an_error_that_says_why() {
    let open = |_| async { Err::<(MemLog<TypeConfig>, KvStateMachine), _>(io::Error::other("the disk is gone")) };

    let unopened = Cluster::builder(open).nodes([1]).start().await.err().unwrap();
    assert_eq!(
        format!("{unopened:?}"),
        "the stores of node 1 could not be opened: the disk is gone"
    );

    let none = Cluster::builder(open).start().await.err().unwrap();
    assert!(matches!(none, ClusterError::NoNodes));

    let config = Config {
        election_timeout_min: 10,
        election_timeout_max: 5,
        ..config()
    };
    let invalid = Cluster::builder(open)
        .nodes([1])
        .config(config)
        .start()
        .await
        .err()
        .unwrap();
    assert!(matches!(invalid, ClusterError::Config { .. }));
}

/// A network on which the port of node 3 is in use.
struct Full(Arc<MemNetwork<TypeConfig>>);

impl ClusterNetwork<TypeConfig> for Full {
    type Factory = <Arc<MemNetwork<TypeConfig>> as ClusterNetwork<TypeConfig>>::Factory;

    fn factory(&self, id: u64) -> Self::Factory {
        self.0.factory(id)
    }

    async fn connect<SM>(&self, id: u64, raft: Raft<TypeConfig, SM>) -> io::Result<()>
    where
        SM: openraft_toolkit::openraft::storage::RaftStateMachine<TypeConfig, SnapshotData = io::Cursor<Vec<u8>>>,
    {
        match id {
            3 => Err(io::ErrorKind::AddrInUse.into()),
            _ => self.0.connect(id, raft).await,
        }
    }

    fn disconnect(&self, id: u64) {
        self.0.disconnect(id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_of_ones_own_may_refuse_a_node() {
    let disks = Disks::default();
    let cluster = Cluster::builder(move |id| disks.clone().open(id)).network(Full(MemNetwork::new()));

    let refused = cluster.nodes([1, 2, 3]).start().await.err().unwrap();

    assert_eq!(
        format!("{refused:?}"),
        "node 3 could not be connected to the network: address in use"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_runs_on_rocksdb_by_the_real_clock_and_resumes_from_disk() -> Result<(), Error> {
    let hosts = Arc::new([1, 2, 3].map(|id| Host::new(id, Keys::Flat)));
    let start = || {
        let hosts = hosts.clone();
        let open = move |id: u64| {
            let hosts = hosts.clone();
            async move {
                let host = &hosts[id as usize - 1];
                let log = host.log_store(openraft_toolkit::Flat).await;
                Ok((log, KvStateMachine::open(host.path())))
            }
        };
        Cluster::builder(open).nodes([1, 2, 3]).start()
    };

    let cluster = start().await?;
    let leader = cluster.wait_for_leader().await?;
    cluster.raft(leader).client_write(set("k", "v")).await.unwrap();
    cluster.crash(leader).await?;
    cluster.restart(leader).await?;
    cluster.wait_for_agreement().await?;
    cluster.shutdown().await?;
    drop(cluster);

    let cluster = start().await?;
    cluster.wait_for_agreement().await?;
    for id in cluster.running() {
        assert_eq!(cluster.state_machine(id).get("k").as_deref(), Some("v"));
    }
    cluster.shutdown().await
}
