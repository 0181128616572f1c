//! `propose` and `propose_at`: a command that cannot be stored is refused before it is in any log.

use std::error::Error;
use std::fmt;

use openraft_toolkit::lifecycle::{ProposeError, propose, propose_at};
use openraft_toolkit::log_store::{Flat, LOG_CF, META_CF, RocksdbLogStore};
use openraft_toolkit::openraft::errors::{ClientWriteError, ForwardReason, ForwardToLeader, RaftError};
use openraft_toolkit::openraft::{BasicNode, EntryPayload};
use openraft_toolkit::test_fakes::{Cluster, MemNetwork, MemStateMachine};
use openraft_toolkit::{CodecError, WireMessage, WriteVersion, declare_raft_types_ext};
use openraft_toolkit_tests::log::open_dir;
use openraft_toolkit_tests::node::{DEADLINE, config};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::timeout;

/// A tree, which a client may send as deep as it likes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[derive(Clone, Debug, WireMessage)]
#[wire(version = 2, min_version = 1, serde)]
struct Plant {
    tree: Tree,
    #[wire(since = 2)]
    height: u64,
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tree")
    }
}

declare_raft_types_ext! {
    Types: Node = BasicNode, AppData = Plant, AppDataResponse = u64
}

fn plant(depth: usize, height: u64) -> Plant {
    let tree = (1..depth).fold(Tree::default(), |tree, _| Tree(vec![tree]));
    Plant { tree, height }
}

type Machine = MemStateMachine<Types, u64>;
type Nodes = Cluster<Types, Machine, std::sync::Arc<MemNetwork<Types>>>;

/// Starts nodes on RocksDB, whose state machine adds the heights.
async fn start(dir: &TempDir, ids: impl IntoIterator<Item = u64>) -> (Nodes, u64) {
    let path = dir.path().to_owned();
    let open = move |id: u64| {
        let db = open_dir(path.join(id.to_string()));
        async move {
            let log = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, Flat).unwrap();
            let machine = Machine::new(|sum, entry| {
                if let EntryPayload::Normal(plant) = &entry.payload {
                    *sum += plant.height;
                }
                *sum
            });
            Ok((log, machine))
        }
    };
    let cluster = Cluster::builder(open).network(MemNetwork::new()).config(config());
    let cluster = cluster.nodes(ids).start().await.unwrap();
    let leader = cluster.wait_for_leader().await.unwrap();
    (cluster, leader)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_stored_is_refused_before_it_is_in_the_log() {
    let dir = TempDir::new().unwrap();
    let (cluster, leader) = start(&dir, [1]).await;
    let raft = cluster.raft(leader);
    assert_eq!(propose(&raft, plant(128, 3)).await.unwrap().data, 3);
    let level = WriteVersion::new(2);

    for depth in [129, 1000] {
        for refused in [
            propose(&raft, plant(depth, 1)).await,
            propose_at(&raft, &level, plant(depth, 1)).await,
        ] {
            let error = refused.unwrap_err();
            let ProposeError::Unencodable { source } = &error else {
                panic!("{error:?}");
            };
            assert!(matches!(source, CodecError::Encode(_)), "{source:?}");
            assert!(error.to_string().contains("help: refuse the request"), "{error}");
            assert_eq!(error.source().unwrap().to_string(), source.to_string());
        }
    }

    // The next command gets the next index.
    let written = propose(&raft, plant(1, 4)).await.unwrap();
    assert_eq!(written.data, 7);
    let next = propose_at(&raft, &level, plant(1, 5)).await.unwrap();
    assert_eq!((next.data, next.log_id.index), (12, written.log_id.index + 1));
    cluster.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_client_write_of_such_a_command_stops_the_node() {
    let dir = TempDir::new().unwrap();
    let (cluster, leader) = start(&dir, [1]).await;
    let raft = cluster.raft(leader);

    let written = timeout(DEADLINE, raft.client_write(plant(129, 1))).await.unwrap();

    assert!(matches!(written, Err(RaftError::Fatal(_))), "{written:?}");
    // So does every later write.
    let error = propose(&raft, plant(1, 1)).await.unwrap_err();
    assert!(matches!(error, ProposeError::Fatal { .. }), "{error:?}");
    assert!(error.source().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_does_not_fit_the_level_is_refused_until_the_level_is_raised() {
    let dir = TempDir::new().unwrap();
    let (cluster, leader) = start(&dir, [1]).await;
    let raft = cluster.raft(leader);
    let level = WriteVersion::new(1);

    assert_eq!(propose_at(&raft, &level, plant(2, 0)).await.unwrap().data, 0);
    let error = propose_at(&raft, &level, plant(2, 7)).await.unwrap_err();
    let ProposeError::Unencodable {
        source: CodecError::NotRepresentable { version: 1, what, .. },
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(what, "Plant::height");
    level.raise(2).unwrap();
    assert_eq!(propose_at(&raft, &level, plant(2, 7)).await.unwrap().data, 7);
    cluster.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_lead_names_the_leader() {
    let dir = TempDir::new().unwrap();
    let (cluster, leader) = start(&dir, [1, 2, 3]).await;
    let follower = leader % 3 + 1;
    let knows = cluster.wait_for_metrics(follower, "it knows the leader", move |m| {
        m.current_leader == Some(leader)
    });
    knows.await.unwrap();

    let error = propose(&cluster.raft(follower), plant(1, 1)).await.unwrap_err();

    let ProposeError::NotLeader {
        leader: Some((id, _)), ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*id, leader);
    assert!(error.to_string().ends_with(&format!("ask node {leader}")), "{error}");
    cluster.shutdown().await.unwrap();
}

#[test]
fn an_entry_that_was_dropped_has_an_unknown_outcome() {
    let forward = ForwardToLeader::<Types> {
        leader_id: Some(2),
        leader_node: Some(BasicNode::default()),
        reason: ForwardReason::NotLeader,
    };
    let error = ProposeError::from(RaftError::APIError(ClientWriteError::LogEntryDiscarded(
        forward.clone(),
    )));
    assert!(
        matches!(&error, ProposeError::OutcomeUnknown { leader: Some((2, _)), source } if *source == forward),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("outcome is unknown; help: ask node 2"),
        "{error}"
    );
}
