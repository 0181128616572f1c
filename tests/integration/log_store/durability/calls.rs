//! Calls on several groups of a database, which another process makes until a fault ends it, and the check of what is
//! left.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, thread};

use fastrand::Rng;
use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF, open_db_with};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::configuration::{CONFIGURATIONS, Configuration, options_of};
use openraft_toolkit_tests::log::{Store, Types, entry, log_id, open};
use openraft_toolkit_tests::model::{Call, Model};
use rocksdb::DB;

use super::process::process_of;

const DIR: &str = "OPENRAFT_TOOLKIT_CRASH_DIR";
const CALLS: &str = "OPENRAFT_TOOLKIT_CRASH_CALLS";
const CONFIGURATION: &str = "OPENRAFT_TOOLKIT_CRASH_CONFIGURATION";
const GROUPS: usize = 8;
/// The most calls of a group that may have taken effect without an acknowledgement.
///
/// `save_committed` and `purge` are not reported as acknowledged, and a group makes one call at a time. Random calls
/// never have this many of the two in a row.
const UNDER_WAY: u64 = 50;

/// The calls that were made so far. The process that makes them and the check both derive them from the seed.
#[derive(Clone, Debug)]
pub struct Calls {
    seed: u64,
    /// The position in [`CONFIGURATIONS`] of the configuration with which the database is opened.
    configuration: usize,
    /// How many calls were made on each group.
    made: [u64; GROUPS],
}

impl Calls {
    pub fn none(seed: u64) -> Self {
        Self {
            seed,
            configuration: 0,
            made: [0; GROUPS],
        }
    }

    /// Picks the configuration of the database by the seed.
    pub fn with_any_configuration(mut self) -> Self {
        self.configuration = Rng::with_seed(self.seed).usize(..CONFIGURATIONS.len());
        self
    }

    /// Returns the configuration of the database.
    pub fn configuration(&self) -> Configuration {
        CONFIGURATIONS[self.configuration]
    }

    fn open(&self, dir: &Path) -> Arc<DB> {
        let options = options_of(self.configuration());
        let families = [LOG_CF, META_CF].map(|name| (name, options.clone()));
        let db = open_db_with(dir, options, families);
        db.unwrap_or_else(|e| panic!("seed {}, {:?}: {e}", self.seed, self.configuration()))
    }

    /// Returns how many calls were made on all groups.
    pub fn count(&self) -> u64 {
        self.made.iter().sum()
    }

    /// Returns call `n` on `group`.
    fn get(&self, group: usize, n: u64) -> Call {
        let mut rng = Rng::with_seed(self.seed ^ ((group as u64) << 48) ^ (n << 8));
        match rng.u64(..16) {
            0 => Call::Vote { committed: rng.bool() },
            1 => Call::Truncate { count: rng.u64(..10) },
            2 => Call::Purge { count: rng.u64(..30) },
            3 => Call::Committed { some: true },
            _ => Call::Append {
                count: 1 + rng.u64(..4),
                bytes: rng.usize(..2000),
                wait: true,
            },
        }
    }

    /// Returns what `group` holds after its first `made` calls.
    fn model(&self, group: usize, made: u64) -> Model {
        let mut model = Model::default();
        for n in 0..made {
            model.step(&self.get(group, n));
        }
        model
    }

    /// Makes the next calls on the database in `dir`, until a call fails. Flushes the database now and then. Reports
    /// each acknowledged call by its group and number.
    pub async fn make(&self, dir: &Path, acknowledged: impl Fn(usize, u64) + Clone + Send + 'static) -> Arc<DB> {
        let db = self.open(dir);
        let failed = AtomicBool::new(false);
        let stores = thread::scope(|scope| {
            scope.spawn(|| {
                for cf in [LOG_CF, META_CF].into_iter().cycle() {
                    thread::sleep(Duration::from_millis(30));
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                    // Ignore an error: the same fault makes the calls fail too.
                    let _ = db.flush_cf(&db.cf_handle(cf).unwrap());
                }
            });
            let tasks: Vec<_> = (0..GROUPS)
                .map(|group| {
                    let (calls, acknowledged) = (self.clone(), acknowledged.clone());
                    let opened = Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group as u64));
                    tokio::spawn(async move {
                        // The fault may come while the groups are opened.
                        let mut store = match opened {
                            Ok(store) => store,
                            Err(e) => {
                                println!("group {group} stops: {e}");
                                return None;
                            }
                        };
                        let mut model = calls.model(group, calls.made[group]);
                        for n in calls.made[group].. {
                            let call = calls.get(group, n);
                            if let Err(e) = model.apply(&call, &mut store).await {
                                println!("group {group} stops: {e}");
                                break;
                            }
                            // Nobody waits until a purge or a committed log id is durable.
                            if matches!(call, Call::Append { .. } | Call::Vote { .. } | Call::Truncate { .. }) {
                                acknowledged(group, n);
                            }
                        }
                        Some(store)
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

        // After the first error, no call on any group is acknowledged.
        let mut stores: Vec<_> = stores.into_iter().filter_map(Result::unwrap).collect();
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

    /// Returns a process that makes the calls on the database in `dir`. `launcher` is a program with its arguments
    /// that runs the command which follows them, or is empty.
    pub fn process(&self, dir: &Path, launcher: &[&str]) -> Process {
        let mut command = process_of(module_path!(), launcher);
        let made: Vec<_> = self.made.iter().map(u64::to_string).collect();
        command
            .env(DIR, dir)
            .env(CONFIGURATION, self.configuration.to_string())
            .env(CALLS, format!("{} {}", self.seed, made.join(" ")));
        Process(command)
    }

    pub fn acknowledged(&mut self, group: usize, n: u64) {
        self.made[group] = n + 1;
    }

    /// Compares the database in `dir` with the acknowledged calls, and returns how many of these calls are lost. Later
    /// calls are made on what the database holds.
    pub async fn check(&mut self, dir: &Path) -> u64 {
        let db = self.open(dir);
        let mut lost = 0;
        for group in 0..GROUPS {
            let found = Model::of(&mut open(&db, GroupPrefixed::new(group as u64))).await;
            let acknowledged = self.made[group];
            // Calls that were under way may have taken effect, in the order in which they were made.
            let with_calls_under_way = acknowledged..acknowledged + UNDER_WAY;
            let earlier = (0..acknowledged).rev();
            let made = with_calls_under_way
                .chain(earlier)
                .find(|made| self.model(group, *made) == found);
            self.made[group] = made.unwrap_or_else(|| {
                panic!(
                    "seed {}, group {group}: no sequence of calls leaves {found:?}",
                    self.seed
                );
            });
            if self.made[group] < acknowledged {
                let missing = self.made[group]..acknowledged;
                eprintln!(
                    "seed {}, group {group}: calls {missing:?} are lost: {found:?}",
                    self.seed
                );
                lost += acknowledged - self.made[group];
            }
        }
        lost
    }
}

/// Not a test: the process that makes the calls. For each call that is acknowledged, it prints the group and the
/// number of the call.
#[test]
#[ignore = "run by the crash tests"]
fn process() {
    let (Some(dir), Ok(calls)) = (env::var_os(DIR), env::var(CALLS)) else {
        return;
    };
    let mut numbers = calls.split(' ').map(|n| n.parse::<u64>().unwrap());
    let mut calls = Calls::none(numbers.next().unwrap());
    calls.configuration = env::var(CONFIGURATION).unwrap().parse().unwrap();
    calls.made.fill_with(|| numbers.next().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::spawn(async move {
            let print = |group, n| writeln!(std::io::stdout(), "{group} {n}").unwrap();
            let db = calls.make(Path::new(&dir), print).await;
            // Opening another store in the same database fails too.
            Store::open(db, LOG_CF, META_CF, GroupPrefixed::new(99)).unwrap_err();
        })
        .await
        .unwrap();
    });
}

/// The command of a process that makes calls.
pub struct Process(pub Command);

/// A process that is killed when this value is dropped, for example because a test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Runs the process until it ends, and records in `calls` which calls it acknowledges.
    ///
    /// After each acknowledgement, calls `each` with the number of acknowledgements so far, and kills the process if
    /// `each` returns `false`. Returns whether the process ended by itself and all its checks held.
    pub fn run(mut self, calls: &mut Calls, mut each: impl FnMut(u64) -> bool) -> bool {
        let mut process = Killed(self.0.stdout(Stdio::piped()).spawn().unwrap());
        let mut count = 0;
        for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // Skip lines that the test harness prints.
            let Some((group, n)) = line.split_once(' ') else {
                continue;
            };
            let (Ok(group), Ok(n)) = (group.parse::<usize>(), n.parse::<u64>()) else {
                continue;
            };
            calls.acknowledged(group, n);
            count += 1;
            if !each(count) {
                // `kill` sends SIGKILL. Acknowledgements that the process has already printed are still in the pipe,
                // and count.
                process.0.kill().unwrap();
            }
        }
        process.0.wait().unwrap().success()
    }
}
