//! Waiting for something that takes its time.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};

/// Far more than any step takes, even on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(30);

/// Tries again and again, and gives up with the last error.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(20)).await,
            result => return result.with_context(|| format!("{what}: in vain for {DEADLINE:?}")),
        }
    }
}
