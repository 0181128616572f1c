//! Messages that are encoded on their way, and types that do not survive encoding.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::BasicNode;
use openraft_toolkit::test_fakes::{Cluster, ClusterError, LinkFaults, MemNetwork, MemStateMachine, RpcKind};
use openraft_toolkit_tests::types::{Set, TypeConfig};
use serde::{Deserialize, Serialize};

use crate::test_fakes::stores::{Disks, MemLog};

/// A command with one variant for each way of being encoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Command {
    /// The value survives, with its elements in another order.
    Many(HashMap<String, u64>),
    /// The value is read as another value.
    Skipped(#[serde(skip)] u64),
    /// The bytes of the value cannot be read.
    Omitted(Omitted),
    /// The value cannot be written.
    Refused(#[serde(serialize_with = "refuse")] u64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Omitted {
    #[serde(serialize_with = "nothing")]
    lease: Option<u64>,
}

fn nothing<S: serde::Serializer>(_: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_unit()
}

fn refuse<S: serde::Serializer>(_: &u64, _: S) -> Result<S::Ok, S::Error> {
    Err(serde::ser::Error::custom("never"))
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

declare_raft_types_ext! {
    Types: Node = BasicNode, AppData = Command, AppDataResponse = ()
}

/// Writes `command` at the leader of three nodes whose messages are encoded. Returns whether all nodes have applied it.
async fn write(command: Command) -> (Arc<MemNetwork<Types>>, Result<(), ClusterError<Types>>) {
    let network = MemNetwork::new();
    network.encode_messages();
    let logs = Arc::new(Mutex::new(BTreeMap::new()));
    let open = move |id: u64| {
        let log = logs.lock().unwrap().entry(id).or_insert_with(MemLog::new).clone();
        async move { Ok((log, MemStateMachine::<Types, ()>::new(|_, _| ()))) }
    };
    let cluster = Cluster::builder(open)
        .network(network.clone())
        .nodes([1, 2, 3])
        .start()
        .await
        .unwrap();
    let leader = cluster.wait_for_leader().await.unwrap();
    let index = cluster
        .wait_for_metrics(leader, "it leads", |_| true)
        .await
        .unwrap()
        .last_log_index
        .unwrap();
    // Do not wait for the answer: a command that cannot be sent is never committed.
    let write = cluster.raft(leader).client_write_ff(command, None).await;
    write.unwrap();
    let waited = cluster.wait_for_applied(index + 1).await;
    (network, waited)
}

async fn failure_of(command: Command) -> String {
    let (network, waited) = write(command).await;
    let Err(ClusterError::Network { failure, .. }) = waited else {
        panic!("{waited:?}");
    };
    let first = &network.codec_failures()[0];
    assert_eq!(first.rpc, RpcKind::AppendEntries);
    assert!(failure.contains(&first.to_string()), "{failure}");
    failure
}

#[tokio::test(start_paused = true)]
async fn a_value_that_survives_is_delivered_even_if_its_order_is_lost() {
    let many = (0..20).map(|i| (i.to_string(), i)).collect();

    let (network, waited) = write(Command::Many(many)).await;

    waited.unwrap();
    assert_eq!(network.codec_failures(), []);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_read_differently_fails_the_test() {
    let failure = failure_of(Command::Skipped(7)).await;
    assert!(failure.contains("is read differently"), "{failure}");
    assert!(
        failure.contains("Skipped(7)") && failure.contains("Skipped(0)"),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_read_fails_the_test() {
    let failure = failure_of(Command::Omitted(Omitted { lease: None })).await;
    assert!(failure.contains("cannot be decoded again"), "{failure}");
    assert!(failure.contains("Omitted { lease: None }"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_written_fails_the_test() {
    let failure = failure_of(Command::Refused(7)).await;
    assert!(
        failure.contains("cannot be encoded") && failure.contains("never"),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_rpc_of_a_cluster_survives_encoding() -> Result<(), ClusterError<TypeConfig>> {
    let network = MemNetwork::new();
    network.encode_messages();
    network.set_faults(LinkFaults::new().duplicate(0.5));
    let disks = Disks::default();
    let config = openraft_toolkit::openraft::Config {
        enable_pre_vote: Some(true),
        ..openraft_toolkit_tests::node::config()
    };
    let cluster = Cluster::builder(move |id| disks.clone().open(id))
        .network(network.clone())
        .config(config);
    let cluster = cluster.nodes([1, 2, 3]).start().await?;

    let leader = cluster.wait_for_leader().await?;
    let set = Set {
        key: "k".to_owned(),
        value: "v".to_owned(),
    };
    cluster.raft(leader).client_write(set).await.unwrap();
    cluster.raft(leader).trigger().snapshot().await.unwrap();
    cluster
        .wait_for_metrics(leader, "it has purged", |m| m.purged.is_some())
        .await?;
    cluster.add_learner(4, BasicNode::default()).await?;
    let next = leader % 3 + 1;
    cluster.raft(leader).trigger().transfer_leader(next).await.unwrap();
    cluster
        .wait_for_metrics(next, "it leads", |m| m.state.is_leader())
        .await?;
    cluster.wait_for_agreement().await?;

    for kind in RpcKind::ALL {
        assert!(network.total_counts(kind).answered > 0, "{kind}");
    }
    cluster.shutdown().await
}
