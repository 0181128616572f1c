//! Runs one seed after another. `make soak` runs hundreds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{env, thread};

use openraft_toolkit::test_fakes::linearizability::Stats;
use openraft_toolkit_tests::run::{rounds, seed};

use super::nemesis::Faults;
use super::run::{Report, Run};

const ROUNDS: usize = 6;

/// The outcomes of all seeds.
#[derive(Default)]
struct Table {
    seeds: u64,
    stats: Stats,
    faults: Faults,
    failed: Vec<u64>,
}

impl Table {
    fn add(&mut self, report: Report) {
        self.stats += report.stats;
        for (fault, times) in report.faults {
            *self.faults.entry(fault).or_default() += times;
        }
    }

    fn print(&self) {
        let Stats {
            returned,
            failed,
            unknown,
            keys,
        } = self.stats;
        let operations = [
            ("seeds", self.seeds as usize),
            ("operations", self.stats.operations()),
            ("operations, answered", returned),
            ("operations, refused", failed),
            ("operations, without an answer", unknown),
            ("keys", keys),
        ];
        println!("| what | how often |\n|---|--:|");
        for (what, times) in operations.iter().chain(&Vec::from_iter(self.faults.clone())) {
            println!("| {what} | {times} |");
        }
        println!("| violations | {} |", self.failed.len());
    }
}

/// Returns how many seeds to run: `OPENRAFT_TOOLKIT_SEEDS`, or a default that depends on the length of this run.
fn seeds() -> u64 {
    match env::var("OPENRAFT_TOOLKIT_SEEDS") {
        Ok(seeds) => seeds.parse().expect("OPENRAFT_TOOLKIT_SEEDS is a number"),
        Err(_) => rounds(3, 200),
    }
}

/// Runs `seed` and adds the outcome to `table`.
fn run(seed: u64, table: &Mutex<Table>) {
    let started = Instant::now();
    // Catch a panic, so that the seed is printed.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Run::of(seed).under(|nemesis| nemesis.rounds(ROUNDS))
    }));
    let mut table = table.lock().unwrap();
    table.seeds += 1;
    match outcome {
        Ok(Ok(report)) => {
            println!("seed {seed}: {} in {:?}", report.stats, started.elapsed());
            return table.add(report);
        }
        Ok(Err(failure)) => println!("seed {seed}: {failure}"),
        Err(_) => println!("seed {seed}: panicked, see above"),
    }
    table.failed.push(seed);
    println!(
        "repeat it: OPENRAFT_TOOLKIT_SEED={seed} OPENRAFT_TOOLKIT_SEEDS=1 cargo test -p openraft-toolkit-tests \
         --test integration -- linearizability::seeds --nocapture"
    );
}

#[test]
fn clients_see_one_copy_of_the_map_whatever_happens_to_the_nodes() {
    let table = Mutex::new(Table::default());
    let next = AtomicU64::new(seed());
    let end = seed() + seeds();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        seed if seed < end => run(seed, &table),
                        _ => return,
                    }
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    table.print();
    assert!(table.failed.is_empty(), "seeds that failed: {:?}", table.failed);
}
