//! Clients that write, and the list of what was acknowledged to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Args;
use super::cluster::eventually;
use super::progress::Progress;
use crate::client::Client;

/// No two writes have the same key, so whatever is read back can come from one write only, and
/// a write that is made twice because its answer was lost changes nothing.
#[derive(Clone, Copy)]
pub struct Write {
    client: u32,
    number: u32,
}

impl Write {
    pub fn key(self) -> String {
        format!("client-{}/{}", self.client, self.number)
    }

    pub fn value(self) -> String {
        format!("value {} of client {}", self.number, self.client)
    }
}

/// A write goes in here when its acknowledgement has been received, and only then.
type Acknowledged = Arc<Mutex<Vec<(Write, Instant)>>>;

pub struct Load {
    started: Instant,
    acknowledged: Acknowledged,
    writers: JoinSet<()>,
}

pub struct Written {
    pub writes: Vec<Write>,
    pub took: Duration,
}

impl Load {
    /// Starts the clients. They know `nodes` and follow redirects to the leader.
    pub fn start(client: &Client, nodes: Vec<String>, args: &Args, progress: &Progress) -> Self {
        let acknowledged = Acknowledged::default();
        let nodes: Arc<[String]> = nodes.into();
        let mut writers = JoinSet::new();
        for number in 0..args.clients {
            let count = args.writes / args.clients + u32::from(number < args.writes % args.clients);
            let writer = Writer {
                client: client.clone(),
                nodes: Arc::clone(&nodes),
                acknowledged: Arc::clone(&acknowledged),
                progress: progress.clone(),
            };
            writers.spawn(writer.run(number, count));
        }
        Self {
            started: Instant::now(),
            acknowledged,
            writers,
        }
    }

    /// Waits until this many writes are acknowledged.
    pub async fn acknowledged(&self, count: u32) -> anyhow::Result<()> {
        eventually(&format!("{count} writes"), async || {
            (self.acknowledged.lock().await.len() >= count as usize).then_some(())
        })
        .await
    }

    /// Waits until writes are acknowledged again, and returns the longest time since `start` in
    /// which none was.
    pub async fn stall_since(&self, start: Instant) -> anyhow::Result<Duration> {
        let now = Instant::now();
        eventually("writes to go on", async || {
            let acknowledged = self.acknowledged.lock().await;
            acknowledged.last().filter(|(_, at)| *at > now)?;
            let mut longest = Duration::ZERO;
            let mut last = start;
            for (_, at) in acknowledged.iter().filter(|(_, at)| *at >= start) {
                longest = longest.max(*at - last);
                last = *at;
            }
            Some(longest)
        })
        .await
    }

    /// Waits until all clients are done.
    pub async fn finish(mut self) -> anyhow::Result<Written> {
        while let Some(writer) = self.writers.join_next().await {
            writer?;
        }
        let acknowledged = self.acknowledged.lock().await;
        let (_, last) = acknowledged
            .last()
            .ok_or_else(|| anyhow!("no write was acknowledged"))?;
        let writes = acknowledged.iter().map(|(write, _)| *write).collect();
        Ok(Written {
            writes,
            took: *last - self.started,
        })
    }
}

struct Writer {
    client: Client,
    nodes: Arc<[String]>,
    acknowledged: Acknowledged,
    progress: Progress,
}

impl Writer {
    async fn run(self, client: u32, count: u32) {
        let mut nodes = self.nodes.iter().cycle().skip(client as usize);
        let mut node = nodes.next().cloned().unwrap_or_default();
        for number in 0..count {
            let write = Write { client, number };
            node = loop {
                match self.client.put(&node, &write.key(), write.value()).await {
                    // The one that answered is the leader; the next write goes there directly.
                    Ok(leader) => break leader,
                    Err(_) => {
                        sleep(Duration::from_millis(20)).await;
                        node = nodes.next().cloned().unwrap_or_default();
                    }
                }
            };
            let mut acknowledged = self.acknowledged.lock().await;
            acknowledged.push((write, Instant::now()));
            self.progress.step();
        }
    }
}
