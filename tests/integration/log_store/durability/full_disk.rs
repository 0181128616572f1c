//! A full disk makes calls fail, but loses no acknowledged writes. Once there is room again, the database opens and
//! works.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{env, fs};

use openraft_toolkit_tests::run::{rng, rounds};
use tempfile::TempDir;

use super::calls::Calls;
use super::process::process_on_mount;

const MOUNT: &str = "OPENRAFT_TOOLKIT_FULL_DISK";

#[tokio::test]
async fn a_file_that_may_not_grow_is_an_error_and_loses_nothing() {
    let mut rng = rng();
    let rounds = rounds(2, 40);
    let dir = TempDir::new().unwrap();
    let mut calls = Calls::none(rng.u64(..));
    let mut lost = 0;
    for round in 0..rounds {
        // The limit is in KiB. With the signal ignored, a write beyond the limit fails with EFBIG.
        let limit = rng.u64(200..1200);
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let process = calls.process(dir.path(), &["bash", "-c", &script]);
        assert!(
            process.run(&mut calls, |_| true),
            "round {round}: acknowledged after the error"
        );
        lost += calls.check(dir.path()).await;
    }
    println!(
        "files that may not grow: {rounds}, {} calls, {lost} lost",
        calls.count()
    );
    assert_eq!(lost, 0);
}

/// Not a test: the process that has its own small disk. Each time after the disk was full, it prints how many calls
/// were made and how many were lost.
#[test]
#[ignore = "run by the test of the full disk"]
fn process() {
    let Some(disk) = env::var_os(MOUNT) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let mut rng = rng();
    let (dir, reserve) = (Path::new(&disk).join("db"), Path::new(&disk).join("reserve"));
    for _ in 0..rounds(1, 20) {
        let mut calls = Calls::none(rng.u64(..));
        // The second reserve is smaller than the first, by more than the calls can write. The reopened database thus
        // has room for its flushes.
        for reserved in [26 << 20, 14 << 20] {
            fs::write(&reserve, vec![0; reserved - rng.usize(..1 << 20)]).unwrap();
            let made = Arc::new(Mutex::new(calls.clone()));
            let note = {
                let made = made.clone();
                move |group, n| made.lock().unwrap().acknowledged(group, n)
            };
            let (making, in_dir) = (calls.clone(), dir.clone());
            // Drop the database before the reserve is removed: RocksDB resumes by itself as soon as there is room.
            let make = async move { drop(making.make(&in_dir, note).await) };
            runtime.block_on(runtime.spawn(make)).unwrap();
            fs::remove_file(&reserve).unwrap();
            calls = made.lock().unwrap().clone();
            let lost = runtime.block_on(calls.check(&dir));
            println!("full disk: {} calls, {lost} lost", calls.count());
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_full_disk_is_an_error_and_with_room_again_the_database_opens() {
    let dir = TempDir::new().unwrap();
    let Some(mut process) = process_on_mount(module_path!(), "-t tmpfs -o size=40m", MOUNT, dir.path()) else {
        return;
    };

    let output = process.output().unwrap();

    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("No space left on device"), "{stdout}");
    let lost: Vec<u64> = stdout
        .lines()
        .filter(|line| line.starts_with("full disk: "))
        .map(|line| line.split(' ').rev().nth(1).unwrap().parse().unwrap())
        .collect();
    println!("full disks: {}, {} lost", lost.len(), lost.iter().sum::<u64>());
    assert_eq!(lost, vec![0; 2 * rounds(1, 20) as usize]);
}
