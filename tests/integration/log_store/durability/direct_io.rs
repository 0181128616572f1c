//! A file system without direct I/O is no trouble.

use std::env;
use std::path::Path;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, open_db};
use openraft_toolkit::openraft::storage::RaftLogStorageExt;
use tempfile::TempDir;

use super::calls::this_test_on_mount;
use super::read_groups;
use crate::log_store::{entry, open};

const MOUNT: &str = "OPENRAFT_TOOLKIT_RAMFS";

/// Not a test: the process that has a file system without direct I/O.
#[tokio::test]
#[ignore = "run by the test of direct I/O"]
async fn process() {
    let Some(mount) = env::var_os(MOUNT) else { return };
    let dir = Path::new(&mount).join("db");
    for index in 0..2 {
        let db = open_db(&dir, LogDbOptions::default()).unwrap();
        let mut store = open(&db, GroupPrefixed::new(1));
        store.blocking_append([entry(1, index, "x")]).await.unwrap();
        // What direct I/O is used for elsewhere.
        db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    }
    let groups = read_groups(&dir, &[1]).await.unwrap();
    println!("entries: {}", groups[0].entries.len());
}

#[test]
fn a_file_system_without_direct_io_is_no_trouble() {
    let dir = TempDir::new().unwrap();
    let test = "durability::direct_io::process";
    let Some(mut process) = this_test_on_mount(test, "-t ramfs", MOUNT, dir.path()) else {
        return;
    };
    let output = process.output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("entries: 2"),
        "{output:?}"
    );
}
