//! Checks that every node has every value.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::progress::Progress;
use crate::client::Client;

/// How many values are read at the same time.
const CONCURRENCY: usize = 32;

pub struct Checked {
    pub reads: usize,
    /// Values that are different or missing on at least one node.
    pub lost: usize,
}

/// Reads all values from each node's own state, so that no node's values come from another node.
pub async fn read_back(
    client: &Client,
    nodes: &[String],
    values: &[(String, Option<String>)],
) -> anyhow::Result<Checked> {
    let reads = nodes.len() * values.len();
    let progress = Progress::new("reads", reads as u64);

    let lost = stream::iter(values)
        .map(|(key, value)| {
            let progress = progress.clone();
            async move {
                let mut lost = false;
                for node in nodes {
                    let found = client.get_stale(node, key).await?;
                    if found != *value {
                        progress.say(&format!("  LOST on {node}: {key} is {found:?}"));
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
