//! Clients that put, get, delete and compare-and-set, and record the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use fastrand::Rng;
use openraft_toolkit::test_fakes::linearizability::{self, Answer, History, Keys, Op};
use reqwest::{Method, StatusCode};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;

/// How long a client waits for an answer before it goes on without one.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The longest time in milliseconds that a client rests between two operations.
const REST: u64 = 20;
/// The longest time in milliseconds that a client rests after it was refused.
const REST_REFUSED: u64 = 100;

/// Several clients share a key, so that they disturb each other.
const CLIENTS_PER_KEY: u32 = 4;
const OPERATIONS_PER_KEY: usize = 100;

pub struct Clients {
    tasks: JoinSet<anyhow::Result<BTreeSet<String>>>,
}

impl Clients {
    /// Starts clients that call until `end`. They know `nodes`, and follow redirects to the leader.
    pub fn start(history: &History, nodes: &[String], count: u32, seed: u64, end: Instant) -> anyhow::Result<Self> {
        let http = Client::new(TIMEOUT)?;
        let keys = Arc::new(Keys::new(count.div_ceil(CLIENTS_PER_KEY) as usize, OPERATIONS_PER_KEY));
        let mut rng = Rng::with_seed(seed);
        let mut tasks = JoinSet::new();
        for number in 1..=count {
            let caller = Caller {
                number,
                http: http.clone(),
                record: history.client(),
                nodes: nodes.to_vec(),
                keys: Arc::clone(&keys),
                known: BTreeMap::new(),
                values: 0,
                rng: rng.fork(),
            };
            tasks.spawn(caller.call_until(end));
        }
        Ok(Self { tasks })
    }

    /// Waits until all clients are done, and returns the keys that they used.
    pub async fn finish(mut self) -> anyhow::Result<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        while let Some(used) = self.tasks.join_next().await {
            keys.append(&mut used??);
        }
        Ok(keys)
    }
}

struct Caller {
    number: u32,
    http: Client,
    record: linearizability::Client,
    nodes: Vec<String>,
    keys: Arc<Keys>,
    /// The value of each key in the last answer about it.
    known: BTreeMap<String, Option<String>>,
    values: u32,
    rng: Rng,
}

impl Caller {
    async fn call_until(mut self, end: Instant) -> anyhow::Result<BTreeSet<String>> {
        while Instant::now() < end {
            let key = self.keys.pick(self.rng.u64(..));
            let op = self.choose(&key);
            // Ask any node, so that clients also call a leader that was deposed and does not know it yet.
            let node = &self.nodes[self.rng.usize(..self.nodes.len())];

            let call = self.record.call(&key, op.clone());
            let mut rest = REST;
            match ask(&self.http, node, &key, &op).await? {
                Told::Answer(answer) => {
                    self.known.insert(key, known(op, &answer));
                    call.returned(answer);
                }
                Told::Refused => {
                    call.failed();
                    rest = REST_REFUSED;
                }
                // The operation may have been done, or may still be done.
                Told::Nothing => drop(call),
            }
            sleep(Duration::from_millis(self.rng.u64(..=rest))).await;
        }
        Ok(self.known.into_keys().collect())
    }

    fn choose(&mut self, key: &str) -> Op {
        let known = self.known.get(key).cloned().flatten();
        match (self.rng.u8(..10), known) {
            (0..3, _) => Op::Put(self.next_value()),
            (3..6, Some(expected)) => Op::CompareAndSet {
                expected: Some(expected),
                new: self.next_value(),
            },
            (6, _) => Op::Delete,
            _ => Op::Get,
        }
    }

    /// Returns a value that nobody else writes, so that a read shows which write it saw.
    fn next_value(&mut self) -> String {
        self.values += 1;
        format!("{}-{}", self.number, self.values)
    }
}

/// Returns the value of a key after an operation, if the answer shows it.
fn known(op: Op, answer: &Answer) -> Option<String> {
    match (op, answer) {
        (_, Answer::Value(value) | Answer::Found(value)) => value.clone(),
        (Op::Put(new) | Op::CompareAndSet { new, .. }, Answer::Done | Answer::Swapped) => Some(new),
        _ => None,
    }
}

/// How a request ended.
pub enum Told {
    Answer(Answer),
    /// The operation was not done, and will not be done.
    Refused,
    /// No answer came: the operation may have been done, or may still be done.
    Nothing,
}

/// Sends an operation to a node, and follows its redirects to the leader.
pub async fn ask(http: &Client, node: &str, key: &str, op: &Op) -> anyhow::Result<Told> {
    let path = format!("/kv/{key}");
    let request = match op {
        Op::Get => http.request(Method::GET, node, &path),
        Op::Put(value) => http.request(Method::PUT, node, &path).body(value.clone()),
        Op::CompareAndSet { expected, new } => {
            let request = http.request(Method::PUT, node, &path).query(&[("expected", expected)]);
            request.body(new.clone())
        }
        Op::Delete => http.request(Method::DELETE, node, &path),
    };
    let response = match request.send().await {
        Ok(response) => response,
        // Nothing was done: a node that redirects does nothing, and the target of the redirect was not reached.
        Err(error) if error.is_connect() || error.is_redirect() => return Ok(Told::Refused),
        Err(_) => return Ok(Told::Nothing),
    };
    let answer = match (op, response.status()) {
        (Op::Get, StatusCode::OK) => match response.text().await {
            Ok(value) => Answer::Value(Some(value)),
            Err(_) => return Ok(Told::Nothing),
        },
        (Op::Get, StatusCode::NOT_FOUND) => Answer::Value(None),
        (Op::Put(_), StatusCode::CREATED | StatusCode::NO_CONTENT) => Answer::Done,
        (Op::CompareAndSet { .. }, StatusCode::NO_CONTENT) => Answer::Swapped,
        (Op::CompareAndSet { .. }, StatusCode::PRECONDITION_FAILED) => match response.text().await {
            Ok(value) => Answer::Found(Some(value)),
            Err(_) => return Ok(Told::Nothing),
        },
        (Op::CompareAndSet { .. }, StatusCode::NOT_FOUND) => Answer::Found(None),
        (Op::Delete, StatusCode::NO_CONTENT | StatusCode::NOT_FOUND) => Answer::Done,
        (_, StatusCode::SERVICE_UNAVAILABLE) => return Ok(Told::Refused),
        (_, StatusCode::GATEWAY_TIMEOUT) => return Ok(Told::Nothing),
        (_, status) => bail!("{node} answered {status} to {op}: {}", response.text().await?),
    };
    Ok(Told::Answer(answer))
}
