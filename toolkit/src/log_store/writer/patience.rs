//! The pause between two batches, in which callers can push their next operations.

use std::thread;
use std::time::{Duration, Instant};

/// The longest pause.
const LIMIT: Duration = Duration::from_micros(200);

/// After this many useless pauses in a row, pauses do not become rarer.
const MAX_IN_VAIN: u32 = 6;

/// Decides how long the writer's thread waits between calling the callbacks of one batch and taking the next batch.
///
/// Callers that append one entry after the other push their next entry within microseconds of the callback. If the thread
/// wrote the first of these entries at once, the other entries would have to wait for that sync, and then for their own.
///
/// A pause is never longer than the last sync. A pause in which not all callers came back was useless: each useless pause
/// doubles the number of batches that follow without a pause.
#[derive(Default)]
pub(super) struct Patience {
    /// How many pauses in a row were useless.
    in_vain: u32,
    /// How many batches are still to follow without a pause.
    skip: u32,
}

impl Patience {
    /// Waits until the callers `are_back`, or until the pause has lasted as long as the last sync, which took `sync`.
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
