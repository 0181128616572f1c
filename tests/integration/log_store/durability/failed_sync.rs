//! After a sync has failed, nothing is acknowledged until the database is reopened: the kernel may have dropped data
//! that it could not write, and reports this error only once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, fresh};
use openraft_toolkit_tests::run::{rng, rounds, skip};
use openraft_toolkit_tests::types::Set;
use tempfile::TempDir;

use super::calls::Calls;
use super::process::process_of;

const FAIL_SYNC: &str = "FAIL_SYNC";

/// Builds the library that makes a sync fail. Returns `None` if the test must be skipped, because there is no C
/// compiler.
fn shim(dir: &Path) -> Option<PathBuf> {
    let shim = dir.join("failed_sync.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/log_store/durability/failed_sync.c");
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&shim)
        .arg(&source)
        .arg("-ldl")
        .status();
    match cc {
        Ok(status) => {
            assert!(status.success(), "{} does not compile", source.display());
            Some(shim)
        }
        Err(e) => {
            skip(&format!("there is no C compiler to build what makes a sync fail: {e}"));
            None
        }
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_until_the_database_is_reopened() {
    let tools = TempDir::new().unwrap();
    let Some(shim) = shim(tools.path()) else { return };
    let command = tools.path().join("fail");
    let mut rng = rng();
    let rounds = rounds(3, 100);
    let (mut lost, mut acknowledged_after) = (0, 0);
    let dir = TempDir::new().unwrap();
    let mut calls = Calls::none(rng.u64(..));
    for _ in 0..rounds {
        let last = rng.u64(1..=500);
        let mut process = calls.process(dir.path(), &[]);
        process.0.env("LD_PRELOAD", &shim).env(FAIL_SYNC, &command);
        // The process asserts that all calls after the first failed call fail too, and ends.
        let ended_well = process.run(&mut calls, |count| {
            if count == last {
                fs::write(&command, "").unwrap();
            }
            assert!(count < last + 10_000, "the failed sync went unnoticed");
            true
        });
        assert!(!command.exists(), "no sync failed");
        acknowledged_after += u64::from(!ended_well);
        lost += calls.check(dir.path()).await;
    }
    println!(
        "failed syncs: {rounds}, {} calls, {lost} lost, acknowledged after {acknowledged_after} of them",
        calls.count()
    );
    assert_eq!((lost, acknowledged_after), (0, 0));
}

/// Not a test: a node whose disk fails while it serves.
#[test]
#[ignore = "run by the test of the failed sync"]
fn process() {
    let Some(command) = env::var_os(FAIL_SYNC) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let network = MemNetwork::new();
        let host = Host::new(1, Keys::Flat);
        let node = host.open(&network).await;
        openraft_toolkit::bootstrap(&node.raft, fresh([1])).await.unwrap();
        node.wait_to_lead().await;
        let write = |n: u32| {
            node.raft.client_write(Set {
                key: "n".into(),
                value: n.to_string(),
            })
        };
        for n in 0..10 {
            write(n).await.unwrap();
        }
        fs::write(command, "").unwrap();
        let error = write(10).await.unwrap_err();
        println!("a write fails: {error}");
        write(11).await.unwrap_err();
        let metrics = node.raft.metrics().borrow_watched().clone();
        println!("the node stops: {}", metrics.running_state.unwrap_err());
    });
}

#[test]
fn openraft_stops_at_a_failed_sync() {
    let tools = TempDir::new().unwrap();
    let Some(shim) = shim(tools.path()) else { return };

    let output = process_of(module_path!(), &[])
        .env("LD_PRELOAD", &shim)
        .env(FAIL_SYNC, tools.path().join("fail"))
        .output()
        .unwrap();

    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("the node stops"),
        "{output:?}"
    );
    assert!(
        stdout.contains("a write failed, and no write succeeds until the database is reopened"),
        "{stdout}"
    );
}
