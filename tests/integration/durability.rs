//! What was acknowledged outlives a killed process, and damage to it is an error.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LogDbOptions, open_db};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorageExt};
use tempfile::TempDir;

use crate::log_store::{Entry, entries, open, open_dir};
use crate::model::{Model, Op};

const DIR: &str = "OPENRAFT_TOOLKIT_CRASH_DIR";
const SEED: &str = "OPENRAFT_TOOLKIT_CRASH_SEED";
const GROUPS: u64 = 8;

/// The `n`th call on a group, the same in the writer and in the check.
fn op(seed: u64, group: u64, n: u64) -> Op {
    // splitmix64
    let mut x = seed ^ (group << 48) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    match x % 16 {
        0 => Op::Vote { committed: x & 16 == 0 },
        1 => Op::Truncate { count: (x >> 8) % 10 },
        2 => Op::Purge { count: (x >> 8) % 30 },
        3 => Op::Committed { some: true },
        _ => Op::Append {
            count: 1 + (x >> 8) % 4,
            bytes: (x >> 16) as usize % 2000,
            wait: true,
        },
    }
}

/// Not a test: the process that is killed. Prints `group n` for each acknowledged call.
#[test]
#[ignore = "run by the crash test"]
fn writer_process() {
    let Some(dir) = env::var_os(DIR) else { return };
    let seed = env::var(SEED).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let db = open_db(Path::new(&dir), LogDbOptions::default()).unwrap();
        let tasks: Vec<_> = (0..GROUPS)
            .map(|group| {
                let mut store = open(&db, GroupPrefixed::new(group));
                tokio::spawn(async move {
                    let mut model = Model::default();
                    for n in 0.. {
                        let op = op(seed, group, n);
                        model.apply(&op, &mut store).await.unwrap();
                        if matches!(op, Op::Append { .. } | Op::Vote { .. } | Op::Truncate { .. }) {
                            writeln!(std::io::stdout(), "{group} {n}").unwrap();
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_process_killed_at_any_moment_keeps_all_that_it_acknowledged() {
    for seed in 0..10u64 {
        let dir = TempDir::new().unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "durability::writer_process", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Killed(child);

        let mut acknowledged = [None; GROUPS as usize];
        let mut left = 200 + seed * 97;
        for line in BufReader::new(child.0.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The test harness prints too.
            let Some((group, n)) = line.split_once(' ') else {
                continue;
            };
            let (Ok(group), Ok(n)) = (group.parse::<usize>(), n.parse::<u64>()) else {
                continue;
            };
            acknowledged[group] = Some(n);
            left = left.saturating_sub(1);
            if left == 0 {
                // SIGKILL; what is in the pipe by then was acknowledged too.
                child.0.kill().unwrap();
            }
        }
        assert_eq!(left, 0, "the writer ended by itself");
        child.0.wait().unwrap();

        let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
        for (group, acknowledged) in (0..).zip(acknowledged) {
            let found = Model::of(&mut open(&db, GroupPrefixed::new(group))).await;
            let mut model = Model::default();
            let acknowledged = acknowledged.map_or(0, |n| n + 1);
            (0..acknowledged).for_each(|n| drop(model.step(&op(seed, group, n))));
            // Calls that were under way may have made it, in their order.
            let mut more = 0;
            while found != model {
                assert!(
                    more < 50,
                    "seed {seed}, group {group}: lost one of {acknowledged} calls: {found:?}"
                );
                model.step(&op(seed, group, acknowledged + more));
                more += 1;
            }
        }
    }
}

/// The write-ahead log of the closed database in `dir`.
fn wal(dir: &TempDir) -> PathBuf {
    let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max()
        .unwrap()
}

async fn written_log() -> (TempDir, Vec<Entry>) {
    let dir = TempDir::new().unwrap();
    let log = entries(1, 0..=9);
    let mut store = open(&open_dir(&dir), Flat);
    for entry in &log {
        store.blocking_append([entry.clone()]).await.unwrap();
    }
    (dir, log)
}

fn copy(from: &TempDir) -> TempDir {
    let to = TempDir::new().unwrap();
    for file in fs::read_dir(from.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

#[tokio::test]
async fn a_flipped_byte_of_an_entry_in_the_wal_is_an_error_and_never_a_shorter_log() {
    let (dir, log) = written_log().await;
    let bytes = fs::read(wal(&dir)).unwrap();
    for entry in log {
        let damaged = copy(&dir);
        let mut bytes = bytes.clone();
        let data = format!("1-{}", entry.log_id.index);
        let at = bytes.windows(3).position(|window| window == data.as_bytes()).unwrap();
        bytes[at] ^= 0x40;
        fs::write(wal(&damaged), bytes).unwrap();
        let error = open_db(damaged.path(), LogDbOptions::default()).unwrap_err();
        assert!(error.to_string().contains("Corruption"), "{error}");
    }
}

#[tokio::test]
async fn a_record_torn_at_the_end_of_the_wal_opens_without_it() {
    let (dir, log) = written_log().await;
    let bytes = fs::read(wal(&dir)).unwrap();
    for cut in 1..40 {
        let torn = copy(&dir);
        fs::write(wal(&torn), &bytes[..bytes.len() - cut]).unwrap();
        let db = open_db(torn.path(), LogDbOptions::default()).unwrap();
        let mut store = open(&db, Flat);
        let read = store.try_get_log_entries(..).await.unwrap();
        assert!(read.len() >= 8 && read == log[..read.len()], "cut {cut}: {read:?}");
        store.blocking_append(log[read.len()..].to_vec()).await.unwrap();
    }
}
