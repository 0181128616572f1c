//! The proof: every acknowledged write is on every node.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::load::Write;
use super::progress::Progress;
use crate::client::Client;

/// Reads at a time.
const CONCURRENCY: usize = 32;

pub struct Checked {
    pub reads: usize,
    /// Writes that at least one node does not have as they were made.
    pub lost: usize,
}

/// Reads each node's own state, so that no node can answer for another.
pub async fn read_back(client: &Client, nodes: &[String], writes: &[Write]) -> anyhow::Result<Checked> {
    let reads = nodes.len() * writes.len();
    let progress = Progress::new("reads", reads as u64);

    let lost = stream::iter(writes)
        .map(|write| {
            let progress = progress.clone();
            async move {
                let mut lost = false;
                for node in nodes {
                    let found = client.get_stale(node, &write.key()).await?;
                    if found.as_ref() != Some(&write.value()) {
                        progress.say(&format!("  LOST on {node}: {} is {found:?}", write.key()));
                        lost = true;
                    }
                    progress.step();
                }
                anyhow::Ok(usize::from(lost))
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_fold(0, async |sum, lost| Ok(sum + lost))
        .await?;

    progress.finish();
    Ok(Checked { reads, lost })
}
