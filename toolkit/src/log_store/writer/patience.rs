//! The pause between two batches.

use std::thread;
use std::time::{Duration, Instant};

/// The longest pause.
const LIMIT: Duration = Duration::from_micros(200);

/// After so many pauses in vain, one after the other, the next ones do not become rarer still.
const MAX_IN_VAIN: u32 = 6;

/// Decides how long the writer's thread waits, after it has told the callers of one batch, for their next
/// calls before it takes the next batch.
///
/// Callers that append one entry after the other call again within microseconds. If the thread wrote the first
/// of them alone, the others would wait for that sync before their own. A pause is never longer than the last
/// sync was. Each pause in vain doubles the number of batches without one.
#[derive(Default)]
pub(super) struct Patience {
    /// How many pauses in a row were in vain.
    in_vain: u32,
    /// How many pauses are left out from here on.
    skip: u32,
}

impl Patience {
    /// Waits until the callers `are_back`, or until the pause has lasted as long as the last `sync`.
    pub(super) fn wait(&mut self, sync: Duration, are_back: impl Fn() -> bool) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let start = Instant::now();
        let limit = sync.min(LIMIT);
        while !are_back() {
            if start.elapsed() >= limit {
                self.in_vain = (self.in_vain + 1).min(MAX_IN_VAIN);
                self.skip = (1 << self.in_vain) - 2;
                return;
            }
            // Do not sleep: waking up takes longer than most pauses.
            thread::yield_now();
        }
        self.in_vain = 0;
    }
}
