//! What was acknowledged outlives a killed process.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use openraft_toolkit::log_store::{GroupPrefixed, LogDbOptions, open_db};
use tempfile::TempDir;

use crate::log_store::open;
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
            .args([
                "--exact",
                "durability::kill::writer_process",
                "--ignored",
                "--nocapture",
            ])
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
