//! Two nodes of one cluster start `Fresh` with different members, which is a mistake of the operator.

use std::collections::BTreeSet;

use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, fresh, wait_for_leader, wait_to_agree};

use super::voters;

#[tokio::test(flavor = "multi_thread")]
async fn where_the_majorities_of_the_lists_meet_the_list_of_the_first_leader_replaces_the_other() {
    let network = MemNetwork::new();
    let (node1, _) = Host::new(1, Keys::Flat)
        .start(&network, fresh([1, 2, 3]))
        .await
        .unwrap();
    let (node2, _) = Host::new(2, Keys::Flat).start(&network, fresh([1, 2])).await.unwrap();

    let leader = wait_for_leader(&[&node1, &node2]).await;
    leader.set("k", "v").await;
    wait_to_agree(leader, &[&node1, &node2]).await;

    let list = match leader.id {
        1 => BTreeSet::from([1, 2, 3]),
        _ => BTreeSet::from([1, 2]),
    };
    assert_eq!([voters(&node1), voters(&node2)], [list.clone(), list]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_majorities_of_the_lists_need_not_meet_two_clusters_contradict_each_other() {
    let network = MemNetwork::new();
    let hosts = [Host::new(1, Keys::Flat), Host::new(2, Keys::Flat)];

    for host in &hosts {
        let (node, _) = host.start(&network, fresh([host.id])).await.unwrap();
        node.wait_to_lead().await;
        node.set("k", &format!("of node {}", host.id)).await;
        assert_eq!(node.kv.get("k"), Some(format!("of node {}", host.id)));
        node.stop().await;
    }

    // Both have committed an entry at the same index in the same term, and the entries differ.
    let [last1, last2] = [hosts[0].stored().await, hosts[1].stored().await].map(|mut log| log.entries.pop().unwrap());
    assert_eq!(last1.log_id.index, last2.log_id.index);
    assert_eq!(
        last1.log_id.committed_leader_id().term,
        last2.log_id.committed_leader_id().term
    );
    assert_ne!(last1.payload, last2.payload);
}
