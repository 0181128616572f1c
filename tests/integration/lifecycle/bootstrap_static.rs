//! `Static`: every node is started with the same arguments, every time.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use openraft_toolkit::lifecycle::{
    BootstrapError, BootstrapMode, Bootstrapped, add_learner, bootstrap, bootstrap_checked,
};
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{
    DEADLINE, Host, Keys, Network, Node, Raft, address, fresh, members, wait_for_leader, wait_to_agree,
};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

use super::voters;

/// Returns the arguments of every node at every start.
fn static_members() -> BootstrapMode<TypeConfig> {
    BootstrapMode::Static {
        initial_members: members([1, 2, 3]),
    }
}

fn hosts() -> [Host; 3] {
    [1, 2, 3].map(|id| Host::new(id, Keys::Flat))
}

async fn start_all(hosts: &[Host], network: &Network) -> Vec<(Node, Bootstrapped)> {
    let mut nodes = Vec::new();
    for host in hosts {
        nodes.push(host.start(network, static_members()).await.unwrap());
    }
    nodes
}

async fn stop_all(nodes: Vec<(Node, Bootstrapped)>) {
    for (node, _) in &nodes {
        node.raft.runtime_config().elect(false);
    }
    for (node, _) in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_with_the_smallest_id_forms_the_cluster_once_and_later_starts_resume() {
    use Bootstrapped::{Initialized, Joining, Resumed};
    let network = MemNetwork::new();
    // The nodes may start in any order.
    let mut hosts = hosts();
    hosts.reverse();

    for (start, expected) in [[Joining, Joining, Initialized], [Resumed; 3], [Resumed; 3]]
        .into_iter()
        .enumerate()
    {
        let nodes = start_all(&hosts, &network).await;
        assert_eq!(nodes.iter().map(|(_, found)| *found).collect::<Vec<_>>(), expected);
        let views: Vec<&Node> = nodes.iter().map(|(node, _)| node).collect();
        let leader = wait_for_leader(&views).await;
        leader.wait_to_lead().await;
        leader.set(&start.to_string(), "v").await;
        wait_to_agree(leader, &views).await;
        assert_eq!(leader.kv.applied().map.len(), start + 1);
        assert_eq!(voters(leader), BTreeSet::from([1, 2, 3]));
        stop_all(nodes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_beyond_the_initial_members_waits_to_be_added() {
    let network = MemNetwork::new();
    let nodes = start_all(&hosts(), &network).await;
    let views: Vec<&Node> = nodes.iter().map(|(node, _)| node).collect();
    let leader = wait_for_leader(&views).await;
    leader.set("k", "v").await;

    let (fourth, found) = Host::new(4, Keys::Flat)
        .start(&network, static_members())
        .await
        .unwrap();
    assert_eq!(found, Bootstrapped::Joining);
    add_learner(&leader.raft, 4, address(4), true).await.unwrap();
    wait_to_agree(leader, &[&fourth]).await;
    fourth.stop().await;
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn static_needs_members_and_a_node_that_runs() {
    let node = Host::new(1, Keys::Flat).open(&MemNetwork::new()).await;

    let none = BootstrapMode::Static {
        initial_members: BTreeMap::new(),
    };
    let error = bootstrap(&node.raft, none).await.unwrap_err();
    assert_eq!(error, BootstrapError::NoInitialMembers);

    node.raft.shutdown().await.unwrap();
    let error = bootstrap(&node.raft, static_members()).await.unwrap_err();
    assert!(
        matches!(error, BootstrapError::Fatal { source: Fatal::Stopped }),
        "{error:?}"
    );
}

/// Asks a node whether it is initialized, in place of an application's network.
async fn ask(peers: &BTreeMap<u64, Raft>, id: u64) -> Result<bool, String> {
    let peer = peers.get(&id).ok_or("connection refused")?;
    peer.is_initialized().await.map_err(|error| error.to_string())
}

fn rafts(nodes: &[(Node, Bootstrapped)]) -> BTreeMap<u64, Raft> {
    nodes.iter().map(|(node, _)| (node.id, node.raft.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_its_disk_does_not_form_the_cluster_again_where_another_one_has_state() {
    let network = MemNetwork::new();
    let hosts = hosts();
    let mut nodes = start_all(&hosts, &network).await;
    let views: Vec<&Node> = nodes.iter().map(|(node, _)| node).collect();
    wait_for_leader(&views).await.set("k", "v").await;
    let (first, _) = nodes.remove(0);
    first.stop().await;

    let replaced = Host::new(1, Keys::Flat);
    let blank = replaced.open(&network).await;
    let peers = rafts(&nodes);
    let error = bootstrap_checked(&blank.raft, static_members(), |id, _| ask(&peers, id))
        .await
        .unwrap_err();

    assert_eq!(error, BootstrapError::AlreadyFormed { node_id: 2 });
    assert!(
        error.to_string().contains("remove this node from the voters"),
        "{error}"
    );
    blank.stop().await;
    assert!(replaced.stored().await.is_blank());

    // The node with its old disk starts now.
    let first = hosts[0].open(&network).await;
    let found = bootstrap_checked(&first.raft, static_members(), |_, _| async {
        panic!("a node with state asks nobody") as Result<bool, Infallible>
    });
    assert_eq!(found.await, Ok(Bootstrapped::Resumed));
    first.stop().await;
    stop_all(nodes).await;
}

/// This is why `bootstrap_checked` exists, and why it asks all members.
#[tokio::test(flavor = "multi_thread")]
async fn where_most_disks_are_lost_at_once_static_alone_forms_a_second_cluster_and_checked_refuses() {
    let network = MemNetwork::new();
    let nodes = start_all(&hosts(), &network).await;
    let views: Vec<&Node> = nodes.iter().map(|(node, _)| node).collect();
    let leader = wait_for_leader(&views).await;
    leader.set("k", "acknowledged").await;
    wait_to_agree(leader, &views).await;
    let [(first, _), (second, _), third] = <[_; 3]>::try_from(nodes).unwrap_or_else(|_| panic!("three"));
    first.stop().await;
    second.stop().await;
    let [lost1, lost2, _] = hosts();

    let blank = lost1.open(&network).await;
    let (second, _) = lost2.start(&network, static_members()).await.unwrap();
    let peers = BTreeMap::from([(2, second.raft.clone()), (3, third.0.raft.clone())]);
    let checked = bootstrap_checked(&blank.raft, static_members(), |id, _| ask(&peers, id)).await;
    assert_eq!(checked, Err(BootstrapError::AlreadyFormed { node_id: 3 }));

    network.partitions().isolate(3);
    assert_eq!(
        bootstrap(&blank.raft, static_members()).await,
        Ok(Bootstrapped::Initialized)
    );
    network.register(1, blank.raft.clone());
    wait_for_leader(&[&blank, &second]).await.set("other", "cluster").await;
    assert_eq!(blank.kv.get("k"), None);
    assert_eq!(third.0.kv.get("k").as_deref(), Some("acknowledged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn checked_waits_until_all_other_members_have_answered() {
    let network = MemNetwork::new();
    let [host1, host2, host3] = hosts();
    let first = host1.open(&network).await;
    let (second, _) = host2.start(&network, static_members()).await.unwrap();
    let (third, _) = host3.start(&network, static_members()).await.unwrap();
    let peers = BTreeMap::from([(2, second.raft.clone()), (3, third.raft.clone())]);
    let asked = [const { AtomicUsize::new(0) }; 4];

    let found = bootstrap_checked(&first.raft, static_members(), |id, node| {
        let nth = asked[id as usize].fetch_add(1, Relaxed);
        let peers = &peers;
        async move {
            assert_eq!(node, address(id));
            match (id, nth) {
                (3, 0..3) => Err("it is not up yet".to_string()),
                _ => ask(peers, id).await,
            }
        }
    });

    assert_eq!(timeout(DEADLINE, found).await.unwrap(), Ok(Bootstrapped::Initialized));
    // The node asks each other node until that node has answered, and never asks itself.
    assert_eq!(asked.map(AtomicUsize::into_inner), [0, 0, 1, 4]);
    network.register(1, first.raft.clone());
    wait_for_leader(&[&first, &second, &third]).await.set("k", "v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checked_asks_only_where_a_cluster_would_be_formed() {
    let nobody = |_, _| async { panic!("nobody is to be asked") as Result<bool, Infallible> };
    let network = MemNetwork::new();
    let second = Host::new(2, Keys::Flat).open(&network).await;

    for mode in [static_members(), BootstrapMode::Join] {
        let found = bootstrap_checked(&second.raft, mode, nobody).await;
        assert_eq!(found, Ok(Bootstrapped::Joining));
    }
    let found = bootstrap_checked(&second.raft, BootstrapMode::Reopen, nobody).await;
    assert_eq!(found, Err(BootstrapError::NoExistingState));

    let found = bootstrap_checked(&second.raft, fresh([2, 3]), |_, _| async { Ok::<_, Infallible>(true) }).await;
    assert_eq!(found, Err(BootstrapError::AlreadyFormed { node_id: 3 }));
    let found = bootstrap_checked(&second.raft, fresh([2, 3]), |_, _| async { Ok::<_, Infallible>(false) }).await;
    assert_eq!(found, Ok(Bootstrapped::Initialized));
    let found = bootstrap_checked(&second.raft, fresh([2, 3]), nobody).await;
    assert_eq!(found, Err(BootstrapError::UnexpectedExistingState));
}
