//! Acknowledged writes survive a killed process, whatever the configuration of the database is.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use openraft_toolkit_tests::run::{rng, rounds};
use tempfile::TempDir;

use super::calls::Calls;

#[tokio::test]
async fn a_process_killed_at_any_moment_keeps_all_that_it_acknowledged() {
    let mut rng = rng();
    let end = Instant::now() + Duration::from_secs(rounds(0, 300));
    let (mut kills, mut total, mut lost) = (0, 0, 0);
    let mut configurations = BTreeSet::new();
    while kills < 10 || Instant::now() < end {
        // A database lives through several processes.
        let dir = TempDir::new().unwrap();
        let mut calls = Calls::none(rng.u64(..)).with_any_configuration();
        configurations.insert(calls.configuration());
        for _ in 0..rng.u64(1..=6) {
            let (last, pause) = (rng.u64(1..=800), Duration::from_micros(rng.u64(..3000)));
            let ended = calls.process(dir.path(), &[]).run(&mut calls, |count| {
                if count == last {
                    sleep(pause);
                }
                count != last
            });
            assert!(!ended, "the process ended by itself");
            lost += calls.check(dir.path()).await;
            kills += 1;
        }
        total += calls.count();
    }
    let configurations = configurations.len();
    println!("process kills: {kills} with {configurations} configurations, {total} calls, {lost} lost");
    assert_eq!(lost, 0);
}
