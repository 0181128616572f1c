//! A disk that is full is an error, loses nothing that was acknowledged, and all is well once there
//! is room again.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{env, fs};

use tempfile::TempDir;

use super::calls::{Calls, this_test_on_mount};
use super::{Rng, seed, soak};

const MOUNT: &str = "OPENRAFT_TOOLKIT_FULL_DISK";

#[tokio::test]
async fn a_file_that_may_not_grow_is_an_error_and_loses_nothing() {
    let mut rng = Rng::new(seed());
    let rounds = if soak() { 40 } else { 2 };
    let dir = TempDir::new().unwrap();
    let mut calls = Calls::none(rng.next());
    for round in 0..rounds {
        // In KiB. Without the signal, a write beyond it is EFBIG.
        let limit = 200 + rng.below(1000);
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let process = calls.process(dir.path(), &["bash", "-c", &script]);
        assert!(
            process.run(&mut calls, |_| true),
            "round {round}: acknowledged after the error"
        );
        calls.check(dir.path()).await;
    }
    println!("files that may not grow: {rounds}, {} calls, 0 lost", calls.count());
}

/// Not a test: the process that has a small disk of its own.
#[test]
#[ignore = "run by the test of the full disk"]
fn process() {
    let Some(disk) = env::var_os(MOUNT) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let mut rng = Rng::new(seed());
    let (dir, reserve) = (Path::new(&disk).join("db"), Path::new(&disk).join("reserve"));
    for _ in 0..if soak() { 20 } else { 1 } {
        let mut calls = Calls::none(rng.next());
        // Each gives back more than the calls could take: room for what the reopening flushes.
        for reserved in [26 << 20, 14 << 20] {
            fs::write(&reserve, vec![0; reserved - rng.below(1 << 20) as usize]).unwrap();
            let made = Arc::new(Mutex::new(calls.clone()));
            let take_down = {
                let made = made.clone();
                move |group, n| made.lock().unwrap().acknowledged(group, n)
            };
            let (making, in_dir) = (calls.clone(), dir.clone());
            // RocksDB itself may go on as soon as there is room.
            let make = async move { drop(making.make(&in_dir, take_down).await) };
            runtime.block_on(runtime.spawn(make)).unwrap();
            fs::remove_file(&reserve).unwrap();
            calls = made.lock().unwrap().clone();
            runtime.block_on(calls.check(&dir));
            println!("after {} calls the disk was full, and has room again", calls.count());
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_full_disk_is_an_error_and_with_room_again_the_database_opens() {
    let dir = TempDir::new().unwrap();
    let mount = "-t tmpfs -o size=40m";
    let Some(mut process) = this_test_on_mount("durability::full_disk::process", mount, MOUNT, dir.path()) else {
        return;
    };
    let output = process.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("No space left on device"), "{stdout}");
    let filled = stdout.lines().filter(|line| line.starts_with("after")).count();
    println!("full disks: {filled}, 0 lost");
}
