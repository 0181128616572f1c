//! Starting, growing, watching and stopping real nodes, on RocksDB and a network in memory.
//!
//! | file | what it proves |
//! |---|---|
//! | `bootstrap`, `bootstrap_static`, `bootstrap_twice`, `bootstrap_crash` | each mode of a start, also after a crash |
//! | `membership`, `promotion` | changes of the members, and each of their errors |
//! | `leadership`, `leadership_cost`, `while_leader` | events of the leadership, and tasks that run while a node leads |
//! | `handover`, `rolling_restart`, `writable` | stopping a leader, and waiting for one that takes writes |
//! | `propose` | what is checked before a command is written |
//! | `whole_cluster` | three nodes through a partition, a snapshot and restarts |

mod bootstrap;
mod bootstrap_crash;
mod bootstrap_static;
mod bootstrap_twice;
mod handover;
mod leadership;
mod leadership_cost;
mod membership;
mod promotion;
mod propose;
mod rolling_restart;
mod while_leader;
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

/// Returns the config of a node that never stands for election, so that only the test changes its storage.
fn passive() -> Config {
    Config {
        enable_elect: false,
        ..config()
    }
}

/// Returns a host that was a cluster of one node, and whose log has `writes` entries.
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

/// Starts three nodes, of which node 1 leads, and returns them with their hosts.
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

/// Returns whether openraft's own error is the source of `error`.
fn has_source(error: &MembershipError<TypeConfig>) -> bool {
    error.source().is_some()
}

/// Returns the metrics of a node without a log.
fn metrics(state: ServerState, term: u64, leader: Option<u64>) -> RaftMetrics<TypeConfig> {
    RaftMetrics {
        state,
        current_term: term,
        current_leader: leader,
        ..RaftMetrics::new_initial(1)
    }
}
