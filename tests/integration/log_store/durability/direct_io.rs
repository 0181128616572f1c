//! A database opens and works on a file system without direct I/O.

use std::env;
use std::path::Path;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF};
use openraft_toolkit::openraft::storage::RaftLogStorageExt;
use openraft_toolkit_tests::log::{entry, open, open_dir};
use openraft_toolkit_tests::model::read_groups;
use tempfile::TempDir;

use super::process::process_on_mount;

const MOUNT: &str = "OPENRAFT_TOOLKIT_RAMFS";

/// Not a test: the process that runs on a file system without direct I/O.
#[tokio::test]
#[ignore = "run by the test of direct I/O"]
async fn process() {
    let Some(mount) = env::var_os(MOUNT) else { return };
    let dir = Path::new(&mount).join("db");
    for index in 0..2 {
        let db = open_dir(&dir);
        let mut store = open(&db, GroupPrefixed::new(1));
        store.blocking_append([entry(1, index, "x")]).await.unwrap();
        // Where the file system has direct I/O, a flush uses it.
        db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    }
    let groups = read_groups(&dir, &[1]).await.unwrap();
    println!("entries: {}", groups[0].entries.len());
}

#[test]
fn a_database_works_on_a_file_system_without_direct_io() {
    let dir = TempDir::new().unwrap();
    let Some(mut process) = process_on_mount(module_path!(), "-t ramfs", MOUNT, dir.path()) else {
        return;
    };

    let output = process.output().unwrap();

    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("entries: 2"), "{output:?}");
}
