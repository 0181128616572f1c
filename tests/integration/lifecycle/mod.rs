//! Starting, growing, watching and stopping real nodes, on RocksDB and an in-process network.

mod bootstrap;
mod bootstrap_crash;
mod bootstrap_static;
mod bootstrap_twice;
mod fence;
mod hand_over;
mod leadership;
mod leadership_cost;
mod membership;
mod promotion;
mod rolling_restart;
mod whole_cluster;
mod writable;

use std::collections::BTreeSet;
use std::error::Error;

use openraft_toolkit::lifecycle::{BootstrapMode, Bootstrapped, MembershipError};
use openraft_toolkit::openraft::alias::StoredMembershipOf;
use openraft_toolkit::openraft::{Config, RaftMetrics, ServerState};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, Network, Node, config, fresh};
use openraft_toolkit_tests::types::TypeConfig;

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
async fn three_nodes(network: &Network) -> Vec<(Host, Node)> {
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

/// The error of openraft behind this one is not lost.
fn has_source(error: &MembershipError<TypeConfig>) -> bool {
    error.source().is_some()
}

/// What a node without a log reports.
fn metrics(state: ServerState, term: u64, leader: Option<u64>) -> RaftMetrics<TypeConfig> {
    RaftMetrics {
        state,
        current_term: term,
        current_leader: leader,
        ..RaftMetrics::new_initial(1)
    }
}
