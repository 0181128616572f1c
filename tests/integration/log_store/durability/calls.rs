//! Calls on several groups of a database until they fail, by a process that something happens to,
//! and the check of what is left.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, thread};

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, open_db};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};

use rocksdb::DB;

use super::Rng;
use crate::log_store::{Store, Types, entry, log_id, open};
use crate::model::{Model, Op};

const DIR: &str = "OPENRAFT_TOOLKIT_CRASH_DIR";
const CALLS: &str = "OPENRAFT_TOOLKIT_CRASH_CALLS";
const GROUPS: usize = 8;
/// Calls under way when a process ends; each group makes one at a time.
const UNDER_WAY: u64 = 50;

/// The calls that were made so far, the same in the process that makes them and in the check.
#[derive(Clone, Debug)]
pub struct Calls {
    seed: u64,
    /// How many were made, of each group.
    made: [u64; GROUPS],
}

impl Calls {
    pub fn none(seed: u64) -> Self {
        Self {
            seed,
            made: [0; GROUPS],
        }
    }

    pub fn count(&self) -> u64 {
        self.made.iter().sum()
    }

    fn get(&self, group: usize, n: u64) -> Op {
        let mut rng = Rng::new(self.seed ^ ((group as u64) << 48) ^ (n << 8));
        match rng.below(16) {
            0 => Op::Vote {
                committed: rng.below(2) == 0,
            },
            1 => Op::Truncate { count: rng.below(10) },
            2 => Op::Purge { count: rng.below(30) },
            3 => Op::Committed { some: true },
            _ => Op::Append {
                count: 1 + rng.below(4),
                bytes: rng.below(2000) as usize,
                wait: true,
            },
        }
    }

    fn model(&self, group: usize) -> Model {
        let mut model = Model::default();
        (0..self.made[group]).for_each(|n| drop(model.step(&self.get(group, n))));
        model
    }

    /// Goes on with the calls in the database in `dir`, flushing it now and then, until they fail.
    /// Reports each group and call that was acknowledged.
    pub async fn make(&self, dir: &Path, acknowledged: impl Fn(usize, u64) + Clone + Send + 'static) -> Arc<DB> {
        let db = open_db(dir, LogDbOptions::default()).unwrap();
        let failed = AtomicBool::new(false);
        let stores = thread::scope(|scope| {
            scope.spawn(|| {
                for cf in [LOG_CF, META_CF].into_iter().cycle() {
                    thread::sleep(Duration::from_millis(30));
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                    // What fails here fails the calls too.
                    let _ = db.flush_cf(&db.cf_handle(cf).unwrap());
                }
            });
            let tasks: Vec<_> = (0..GROUPS)
                .map(|group| {
                    let (calls, acknowledged) = (self.clone(), acknowledged.clone());
                    let mut store = open(&db, GroupPrefixed::new(group as u64));
                    tokio::spawn(async move {
                        let mut model = calls.model(group);
                        for n in calls.made[group].. {
                            let op = calls.get(group, n);
                            if let Err(e) = model.apply(&op, &mut store).await {
                                println!("group {group} stops: {e}");
                                break;
                            }
                            if matches!(op, Op::Append { .. } | Op::Vote { .. } | Op::Truncate { .. }) {
                                acknowledged(group, n);
                            }
                        }
                        store
                    })
                })
                .collect();
            let stores: Vec<_> = tokio::task::block_in_place(|| {
                let all = futures_util::future::join_all(tasks);
                tokio::runtime::Handle::current().block_on(all)
            });
            failed.store(true, Ordering::Relaxed);
            stores
        });

        // Nothing is acknowledged any more, of no group.
        let mut stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
        for store in &mut stores {
            let next = store.get_log_state().await.unwrap().last_log_id;
            let next = next.map_or(0, |last| last.index + 1);
            store.blocking_append([entry(1 << 40, next, "x")]).await.unwrap_err();
            store.save_vote(&VoteOf::<Types>::new(1 << 40, 1)).await.unwrap_err();
            store.truncate_after(None).await.unwrap_err();
            store.save_committed(None).await.unwrap_err();
            store.purge(log_id(1 << 40, next)).await.unwrap_err();
        }
        Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(99)).unwrap_err();
        db
    }

    /// `program` and its arguments, to be followed by those of the process that makes the calls;
    /// without it, that process itself.
    pub fn process(&self, dir: &Path, program: &[&str]) -> Process {
        let mut command = this_test("durability::calls::process", program);
        let made: Vec<_> = self.made.iter().map(u64::to_string).collect();
        command
            .env(DIR, dir)
            .env(CALLS, format!("{} {}", self.seed, made.join(" ")));
        Process(command)
    }

    pub fn acknowledged(&mut self, group: usize, n: u64) {
        self.made[group] = n + 1;
    }

    /// Makes sure that all the calls are there that were acknowledged, and goes on from what is.
    pub async fn check(&mut self, dir: &Path) {
        let db = open_db(dir, LogDbOptions::default()).unwrap();
        for group in 0..GROUPS {
            let found = Model::of(&mut open(&db, GroupPrefixed::new(group as u64))).await;
            let acknowledged = self.made[group];
            let mut model = self.model(group);
            // Calls that were under way may have made it, in their order.
            while found != model {
                let n = self.made[group];
                assert!(
                    n < acknowledged + UNDER_WAY,
                    "seed {}, group {group}: lost one of {acknowledged} calls: {found:?}",
                    self.seed
                );
                model.step(&self.get(group, n));
                self.made[group] = n + 1;
            }
        }
    }
}

/// A test of this binary as a process of its own, started by `program`.
pub fn this_test(name: &str, program: &[&str]) -> Command {
    let this = env::current_exe().unwrap();
    let mut command = match program.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(this);
            command
        }
        None => Command::new(this),
    };
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command
}

/// Not a test: the process that makes the calls. Prints `group n` for each that is acknowledged.
#[test]
#[ignore = "run by the crash tests"]
fn process() {
    let (Some(dir), Ok(calls)) = (env::var_os(DIR), env::var(CALLS)) else {
        return;
    };
    let mut numbers = calls.split(' ').map(|n| n.parse::<u64>().unwrap());
    let mut calls = Calls::none(numbers.next().unwrap());
    calls.made.fill_with(|| numbers.next().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::spawn(async move {
            let print = |group, n| writeln!(std::io::stdout(), "{group} {n}").unwrap();
            let db = calls.make(Path::new(&dir), print).await;
            // A new store of the same opening is no way around it.
            Store::open(db, LOG_CF, META_CF, GroupPrefixed::new(99)).unwrap_err();
        })
        .await
        .unwrap();
    });
}

pub struct Process(pub Command);

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Runs until the process ends, and takes down what it acknowledges. Calls `each` with the
    /// number of acknowledgements, which can have the process killed by returning `false`.
    ///
    /// Returns whether the process ended by itself, and well.
    pub fn run(mut self, calls: &mut Calls, mut each: impl FnMut(u64) -> bool) -> bool {
        let mut process = Killed(self.0.stdout(Stdio::piped()).spawn().unwrap());
        let mut count = 0;
        for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The test harness prints too.
            let Some((group, n)) = line.split_once(' ') else {
                continue;
            };
            let (Ok(group), Ok(n)) = (group.parse::<usize>(), n.parse::<u64>()) else {
                continue;
            };
            calls.acknowledged(group, n);
            count += 1;
            if !each(count) {
                // SIGKILL; what is in the pipe by then was acknowledged too.
                process.0.kill().unwrap();
            }
        }
        process.0.wait().unwrap().success()
    }
}

/// As [`this_test`], in a process that has a file system of its own, which `mount` is called for, at the path
/// in `variable`; `None` where that is not allowed.
pub fn this_test_on_mount(name: &str, mount: &str, variable: &str, path: &Path) -> Option<Command> {
    let unshare = ["unshare", "--map-root-user", "--mount"];
    let [script, trial] = [format!("\"${variable}\" && exec \"$0\" \"$@\""), "/mnt".to_string()]
        .map(|rest| format!("mount {mount} none {rest}"));
    let can = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-c", &trial])
        .status();
    if !can.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: may not mount a file system");
        return None;
    }
    let mut command = this_test(name, &[&unshare[..], &["sh", "-c", &script]].concat());
    command.env(variable, path);
    Some(command)
}
