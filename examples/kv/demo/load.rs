//! Clients that write, and the list of the writes that were acknowledged to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Args;
use super::eventually::eventually;
use super::progress::Progress;
use crate::client::Client;

/// A write. No two writes have the same key, so a value that is read back can come from one write only. A client may
/// repeat a write whose answer was lost: the second write changes nothing.
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

/// The answers that clients received.
#[derive(Default)]
struct Answers {
    /// A client adds a write only after it has received the acknowledgement.
    acknowledged: Vec<(Write, Instant)>,
    last_error: Option<anyhow::Error>,
}

pub struct Load {
    started: Instant,
    answers: Arc<Mutex<Answers>>,
    writers: JoinSet<()>,
}

pub struct Written {
    pub writes: Vec<Write>,
    pub took: Duration,
}

impl Load {
    /// Starts the clients. They know `nodes` and follow redirects to the leader.
    pub fn start(client: &Client, nodes: Vec<String>, args: &Args, progress: &Progress) -> Self {
        let answers: Arc<Mutex<Answers>> = Arc::default();
        let mut writers = JoinSet::new();
        for number in 0..args.clients {
            let count = args.writes / args.clients + u32::from(number < args.writes % args.clients);
            let writer = Writer {
                number,
                client: client.clone(),
                nodes: nodes.clone(),
                answers: Arc::clone(&answers),
                progress: progress.clone(),
            };
            writers.spawn(writer.write(count));
        }
        Self {
            started: Instant::now(),
            answers,
            writers,
        }
    }

    /// Waits until `count` writes are acknowledged, however long that takes. Fails only if no write is acknowledged for
    /// a long time.
    pub async fn acknowledged(&self, count: u32) -> anyhow::Result<()> {
        let mut seen = 0;
        while seen < count as usize {
            seen = eventually("writing", async || {
                let mut answers = self.answers.lock().await;
                if answers.acknowledged.len() > seen {
                    return Ok(answers.acknowledged.len());
                }
                Err(answers.last_error.take().unwrap_or_else(|| anyhow!("no answer")))
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until writes are acknowledged again. Returns the longest time since `start` without an acknowledgement.
    pub async fn stall_since(&self, start: Instant) -> anyhow::Result<Duration> {
        let now = Instant::now();
        eventually("writing", async || {
            let answers = self.answers.lock().await;
            let times = answers.acknowledged.iter().map(|(_, at)| *at).filter(|at| *at > start);
            let (mut last, mut longest) = (start, Duration::ZERO);
            for at in times {
                longest = longest.max(at - last);
                last = at;
            }
            ensure!(last > now, "no write was acknowledged");
            Ok(longest)
        })
        .await
    }

    /// Waits until all clients are done.
    pub async fn finish(mut self) -> anyhow::Result<Written> {
        while let Some(writer) = self.writers.join_next().await {
            writer?;
        }
        let answers = self.answers.lock().await;
        let last = answers.acknowledged.last().map_or(self.started, |(_, at)| *at);
        Ok(Written {
            writes: answers.acknowledged.iter().map(|(write, _)| *write).collect(),
            took: last - self.started,
        })
    }
}

struct Writer {
    number: u32,
    client: Client,
    nodes: Vec<String>,
    answers: Arc<Mutex<Answers>>,
    progress: Progress,
}

impl Writer {
    async fn write(self, count: u32) {
        let mut turn = self.number as usize;
        let mut node = self.node(turn);
        for number in 0..count {
            let write = Write {
                client: self.number,
                number,
            };
            // The node that acknowledges a write is the leader. The next write goes directly to that node.
            node = loop {
                match self.client.put(&node, &write.key(), write.value()).await {
                    Ok(leader) => break leader,
                    Err(error) => self.answers.lock().await.last_error = Some(error),
                }
                sleep(Duration::from_millis(20)).await;
                turn += 1;
                node = self.node(turn);
            };
            self.answers.lock().await.acknowledged.push((write, Instant::now()));
            self.progress.step();
        }
    }

    fn node(&self, turn: usize) -> String {
        self.nodes[turn % self.nodes.len()].clone()
    }
}
