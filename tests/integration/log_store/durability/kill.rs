//! What was acknowledged outlives a killed process.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::calls::Calls;
use super::{Rng, seed, soak};

#[tokio::test]
async fn a_process_killed_at_any_moment_keeps_all_that_it_acknowledged() {
    let mut rng = Rng::new(seed());
    let end = Instant::now() + Duration::from_secs(if soak() { 300 } else { 0 });
    let (mut kills, mut total) = (0, 0);
    while kills < 10 || Instant::now() < end {
        // One database through several lives.
        let dir = TempDir::new().unwrap();
        let mut calls = Calls::none(rng.next());
        for _ in 0..1 + rng.below(6) {
            let (last, pause) = (1 + rng.below(800), Duration::from_micros(rng.below(3000)));
            let ended = calls.process(dir.path(), &[]).run(&mut calls, |count| {
                if count == last {
                    sleep(pause);
                }
                count != last
            });
            assert!(!ended, "the process ended by itself");
            calls.check(dir.path()).await;
            kills += 1;
        }
        total += calls.count();
    }
    println!("process kills: {kills}, {total} calls, 0 lost");
}
