//! Three nodes are restarted one by one while clients write, and clients see nothing but redirects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use openraft_toolkit::lifecycle::{BootstrapMode, Bootstrapped, Handover, hand_over};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::{ClientWriteError, RaftError};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Node, Raft, wait_for_leader, wait_to_agree};
use openraft_toolkit_tests::run::rounds;
use openraft_toolkit_tests::types::Set;
use tokio::sync::RwLock;

use super::three_nodes;

/// The servers that accept clients. A request holds a lock on its server, so that the server does not stop during the
/// request.
type Servers = BTreeMap<u64, Arc<RwLock<Option<Raft>>>>;

/// Writes one key after the other, and follows redirects until the key is acknowledged. Returns the acknowledged keys and
/// the number of redirects.
async fn client(id: usize, servers: Arc<Servers>, stop: Arc<AtomicBool>) -> (Vec<String>, usize) {
    let (mut acknowledged, mut redirects) = (Vec::new(), 0);
    let mut at = 1;
    while !stop.load(Relaxed) {
        let set = Set {
            key: format!("client-{id}-{}", acknowledged.len()),
            value: "v".to_string(),
        };
        loop {
            let server = servers[&at].read().await;
            let outcome = match &*server {
                Some(raft) => raft.client_write(set.clone()).await,
                // The server does not answer.
                None => {
                    at = at % 3 + 1;
                    continue;
                }
            };
            drop(server);
            match outcome {
                Ok(_) => break acknowledged.push(set.key),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                    redirects += 1;
                    if forward.leader_id.is_none_or(|leader| leader == at) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    at = forward.leader_id.unwrap_or(at % 3 + 1);
                }
                Err(error) => panic!("client {id} at node {at}: {error:?}"),
            }
        }
    }
    (acknowledged, redirects)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_fails_and_none_is_lost_while_all_nodes_are_restarted() {
    let network = MemNetwork::new();
    let (hosts, nodes): (Vec<Host>, Vec<Node>) = three_nodes(&network).await.into_iter().unzip();
    let mut nodes: BTreeMap<u64, Node> = nodes.into_iter().map(|node| (node.id, node)).collect();
    let server = |node: &Node| Arc::new(RwLock::new(Some(node.raft.clone())));
    let servers: Arc<Servers> = Arc::new(nodes.iter().map(|(id, node)| (*id, server(node))).collect());
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|id| tokio::spawn(client(id, servers.clone(), stop.clone())))
        .collect();

    let (rounds, mut handovers) = (rounds(2, 30), 0);
    for _ in 0..rounds {
        for host in &hosts {
            let node = nodes.remove(&host.id).unwrap();
            // The node serves clients while it hands over. Then it accepts no more clients, and stops.
            match hand_over(&node.raft, DEADLINE).await {
                Handover::HandedOver { .. } => handovers += 1,
                outcome => assert_eq!(outcome, Handover::NotLeader),
            }
            servers[&host.id].write().await.take();
            node.stop().await;

            // The node is back and has caught up before the next node stops.
            let (node, found) = host.start(&network, BootstrapMode::Reopen).await.unwrap();
            assert_eq!(found, Bootstrapped::Resumed);
            let others: Vec<&Node> = nodes.values().collect();
            let end = wait_for_leader(&others)
                .await
                .raft
                .metrics()
                .borrow_watched()
                .last_log_index;
            node.wait("has caught up", |m| m.last_applied.map(|log_id| log_id.index) >= end)
                .await;
            *servers[&host.id].write().await = Some(node.raft.clone());
            nodes.insert(host.id, node);
        }
    }
    stop.store(true, Relaxed);
    let (mut acknowledged, mut redirects) = (Vec::new(), 0);
    for client in clients {
        let (written, redirected) = tokio::time::timeout(DEADLINE, client).await.unwrap().unwrap();
        acknowledged.extend(written);
        redirects += redirected;
    }

    let all: Vec<&Node> = nodes.values().collect();
    let leader = wait_for_leader(&all).await;
    leader.set("last", "v").await;
    wait_to_agree(leader, &all).await;
    let maps: Vec<_> = all.iter().map(|node| node.kv.applied().map).collect();
    let is_lost = |key: &&String| maps.iter().any(|map| !map.contains_key(*key));
    let lost = acknowledged.iter().filter(is_lost).count();
    // A client panics if a write fails.
    println!(
        "rolling restart: {rounds} rounds of 3 nodes, {handovers} handovers, {} writes acknowledged, \
         {redirects} redirects, {lost} lost",
        acknowledged.len()
    );
    assert_eq!(lost, 0);
    assert!(handovers >= rounds, "{handovers} handovers");
}
