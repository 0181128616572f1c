//! After a crash at any point of a start, the same call starts the node.

use std::fs;

use openraft_toolkit::lifecycle::{BootstrapMode, Bootstrapped, bootstrap};
use openraft_toolkit::log_store::Flat;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::node::{Host, Keys, members};
use openraft_toolkit_tests::run::{Length, length};
use openraft_toolkit_tests::types::TypeConfig;

fn static_member() -> BootstrapMode<TypeConfig> {
    BootstrapMode::Static {
        initial_members: members([1]),
    }
}

/// Starts a host after a crash with the same call as before, and returns what the start found.
async fn start_again(host: &Host) -> Bootstrapped {
    let (node, found) = host.start(&MemNetwork::new(), static_member()).await.unwrap();
    node.wait_to_lead().await;
    node.set("k", "v").await;
    assert_eq!(node.kv.get("k").as_deref(), Some("v"));
    node.stop().await;

    // Start once more, on the files that the last start wrote.
    let (node, resumed) = host.start(&MemNetwork::new(), static_member()).await.unwrap();
    assert_eq!(resumed, Bootstrapped::Resumed);
    node.wait_to_lead().await;
    assert_eq!(node.kv.get("k").as_deref(), Some("v"));
    node.stop().await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_the_steps_of_a_start_starts_again() {
    let network = MemNetwork::new();
    let host = Host::new(1, Keys::Flat);

    let log = host.log_store(Flat).await;
    let opened = host.killed();
    drop(log);

    let node = host.open(&network).await;
    let created = host.killed();

    node.raft.runtime_config().elect(false);
    let found = bootstrap(&node.raft, static_member()).await.unwrap();
    assert_eq!(found, Bootstrapped::Initialized);
    let initialized = host.killed();

    node.wait_to_lead().await;
    let led = host.killed();
    node.stop().await;

    for blank in [opened, created] {
        assert!(blank.stored().await.is_blank());
        assert_eq!(start_again(&blank).await, Bootstrapped::Initialized);
    }
    for formed in [initialized, led] {
        assert!(!formed.stored().await.is_blank());
        assert_eq!(start_again(&formed).await, Bootstrapped::Resumed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn power_that_fails_while_the_first_entry_is_written_leaves_a_node_that_starts_again() {
    let host = Host::new(1, Keys::Flat);
    let node = host.open(&MemNetwork::new()).await;
    let before = host.killed();
    bootstrap(&node.raft, static_member()).await.unwrap();
    let after = host.killed();
    node.stop().await;

    let log = Image::of(after.path().join("log"));
    let wal = log.newest_wal();
    let written = &log.0[wal];
    let synced = fs::read(before.path().join("log").join(wal)).map_or(0, |bytes| bytes.len());
    assert!(synced < written.len());

    let (mut blank, mut formed) = (0, 0);
    let step = match length() {
        Length::Soak => 1,
        _ => 1 + (written.len() - synced) / 16,
    };
    for length in (synced..written.len()).step_by(step).chain([written.len()]) {
        let cut = before.killed();
        fs::write(cut.path().join("log").join(wal), &written[..length]).unwrap();
        match start_again(&cut).await {
            Bootstrapped::Initialized => blank += 1,
            Bootstrapped::Resumed => formed += 1,
            other => panic!("{other:?}"),
        }
    }
    println!("power cuts while a cluster is formed, all of which started again: {blank} blank, {formed} formed");
    assert!(blank > 0 && formed > 0, "one of the outcomes was never seen");
}
