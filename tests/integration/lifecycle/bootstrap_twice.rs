//! What happens where two nodes of one cluster start `Fresh` with different members.

use std::collections::BTreeSet;

use openraft_toolkit::lifecycle::add_learner;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, address, eventually, fresh, wait_for_leader};

use super::voters;

#[tokio::test(flavor = "multi_thread")]
async fn lists_with_a_majority_in_common_make_one_cluster_whose_nodes_disagree_on_its_members() {
    let network = MemNetwork::new();
    let (node1, _) = Host::new(1, Keys::Flat)
        .start(&network, fresh([1, 2, 3]))
        .await
        .unwrap();
    let (node2, _) = Host::new(2, Keys::Flat).start(&network, fresh([1, 2])).await.unwrap();
    let leader = wait_for_leader(&[&node1, &node2]).await;
    leader.wait_to_lead().await;
    leader.set("k", "v").await;
    eventually("x", || node1.kv.get("k").is_some() && node2.kv.get("k").is_some()).await;
    println!("{:?} {:?}", voters(&node1), voters(&node2));
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_meet() {
    let network = MemNetwork::new();
    let (node1, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    let (node2, _) = Host::new(2, Keys::Flat).start(&network, fresh([2])).await.unwrap();
    node1.wait_to_lead().await;
    node2.wait_to_lead().await;
    node1.set("k", "of 1").await;
    node2.set("k", "of 2").await;
    node2.set("l", "of 2").await;
    println!("{:?}", node1.raft.metrics().borrow_watched().clone());
    println!("{:?}", add_learner(&node1.raft, 2, address(2), false).await);
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        println!("1 {}", node1.raft.metrics().borrow_watched().clone());
        println!("2 {}", node2.raft.metrics().borrow_watched().clone());
        println!("{:?} {:?}", node1.kv.applied().map, node2.kv.applied().map);
    }
}
