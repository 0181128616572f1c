//! Waits until an attempt succeeds.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};

/// The deadline of every wait: far longer than any step takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Repeats `attempt` until it succeeds. Returns its last error when [`DEADLINE`] has passed.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(20)).await,
            result => return result.with_context(|| format!("{what}: in vain for {DEADLINE:?}")),
        }
    }
}
