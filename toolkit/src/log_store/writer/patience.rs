//! The pause between two batches, in which callers can push their next operations.

use std::thread;
use std::time::{Duration, Instant};

/// The longest pause.
const LIMIT: Duration = Duration::from_micros(200);

/// After this many useless pauses in a row, pauses do not become rarer: 62 batches follow without a pause, and then the
/// next pause.
const MAX_IN_VAIN: u32 = 6;

/// Decides how long the writer's thread waits between calling the callbacks of one batch and taking the next batch.
///
/// Callers that append one entry after the other push their next entry within microseconds of the callback. If the
/// thread wrote the first of these entries at once, the other entries would have to wait for that sync, and then for
/// their own.
///
/// A pause ends when as many callers as the last batch had are back, or after the time that the last synced write took,
/// but after [`LIMIT`] at the latest. A pause in which fewer callers came back was useless: after 1, 2, 3 and 4 useless
/// pauses in a row, 0, 2, 6 and 14 batches follow without a pause, and so on up to [`MAX_IN_VAIN`].
#[derive(Default)]
pub(super) struct Patience {
    /// How many pauses in a row were useless.
    in_vain: u32,
    /// How many of the next batches get no pause.
    skip: u32,
}

impl Patience {
    /// Waits until `are_back` returns true, for at most the shorter of `sync` and [`LIMIT`]. `sync` is how long the
    /// last synced write took. Returns at once if this batch gets no pause.
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
