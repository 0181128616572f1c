//! Clients that put, get, compare-and-set and delete, and record the answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use openraft_toolkit::openraft::ReadPolicy;
use openraft_toolkit::openraft::errors::{ClientWriteError, RaftError};
use openraft_toolkit::test_fakes::linearizability::{Answer, Call, Client, History, Keys, Op};
use tokio::time::{sleep, timeout};

use super::node::Handle;
use super::registers::{Command, answer};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(150);

/// The id of the leader while none is known.
const NOBODY: u64 = 0;

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// In any way that is linearizable.
    Linearizable,
    /// From the state machine of any node, which may lag.
    Local,
}

/// The state that the clients of a run share.
pub struct Service {
    pub history: History,
    reads: Reads,
    keys: Keys,
    /// The nodes that are up.
    nodes: Mutex<BTreeMap<u64, Handle>>,
    /// The node that was last named as the leader.
    leader: AtomicU64,
    /// The value of each key that was last seen.
    seen: Mutex<BTreeMap<String, Option<String>>>,
    answered: AtomicUsize,
    stopped: AtomicBool,
}

/// How a call is made.
enum Way {
    Log,
    /// Asks one node for a read index, and reads from the given node once it has applied the log up to the read index.
    ReadIndex(u64, Handle),
    Local,
}

/// How a call ended.
enum Outcome {
    Answered(Answer),
    /// The call took no effect, and never will.
    Refused,
    Unknown,
}

impl Service {
    pub fn new(reads: Reads) -> Arc<Self> {
        Arc::new(Self {
            history: History::new(),
            reads,
            keys: Keys::new(5, 80),
            nodes: Mutex::default(),
            leader: AtomicU64::new(NOBODY),
            seen: Mutex::default(),
            answered: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    pub fn add(&self, id: u64, node: Handle) {
        self.nodes.lock().unwrap().insert(id, node);
    }

    pub fn remove(&self, id: u64) {
        self.nodes.lock().unwrap().remove(&id);
    }

    /// Returns how many operations were answered.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Runs one client until [`stop`](Self::stop).
    pub async fn run(self: Arc<Self>, mut rng: Rng) {
        let client = self.history.client();
        let name = rng.u64(..);
        for n in 0.. {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let key = self.keys.pick(rng.u64(..));
            let op = self.op(&key, &mut rng, format!("{:04x}.{n}", name & 0xffff));
            if !self.call(&client, key, op, &mut rng).await {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Reads all keys that were ever used, and repeats each read until it is answered.
    pub async fn read_all(self: Arc<Self>, mut rng: Rng) {
        let client = self.history.client();
        let keys: Vec<String> = self.seen.lock().unwrap().keys().cloned().collect();
        for key in keys {
            while !self.call(&client, key.clone(), Op::Get, &mut rng).await {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    fn op(&self, key: &str, rng: &mut Rng, new: String) -> Op {
        match rng.u64(..20) {
            0..7 => Op::Get,
            7..13 => Op::Put(new),
            13..19 => {
                let seen = self.seen.lock().unwrap();
                let expected = seen.get(key).cloned().flatten();
                Op::CompareAndSet { expected, new }
            }
            _ => Op::Delete,
        }
    }

    /// Calls one node, and returns whether it answered.
    async fn call(self: &Arc<Self>, client: &Client, key: String, op: Op, rng: &mut Rng) -> bool {
        // Ask the node that was last named as the leader, and sometimes any other node.
        let Some((id, node)) = self.node(rng, 10) else {
            return false;
        };
        let way = self.way(&op, rng);
        let call = client.call(&key, op.clone());
        call.note(match &way {
            Way::Log => format!("log of node {id}"),
            Way::ReadIndex(on, _) => format!("read index of node {id}, on node {on}"),
            Way::Local => format!("what node {id} has"),
        });
        // Spawn the attempt, so that it continues when the client gives up, as it would on another machine. openraft's
        // calls must not be dropped halfway either: if the node then stops, the next call panics.
        let command = Command { key: key.clone(), op };
        let attempt = tokio::spawn(self.clone().attempt(id, node.clone(), way, command));
        let outcome = match timeout(PATIENCE, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Outcome::Unknown,
        };
        // Discard the answer of a node that crashed meanwhile: the node may not remember it.
        if !node.is_alive() {
            return false;
        }
        self.end(call, key, outcome)
    }

    fn way(&self, op: &Op, rng: &mut Rng) -> Way {
        match (self.reads, rng.u64(..3)) {
            _ if *op != Op::Get => Way::Log,
            (Reads::Local, _) => Way::Local,
            (Reads::Linearizable, 0) => Way::Log,
            // Read most likely on the leader, otherwise on any node.
            (Reads::Linearizable, n) => match self.node(rng, 3 - n) {
                Some((on, node)) => Way::ReadIndex(on, node),
                None => Way::Log,
            },
        }
    }

    fn end(&self, call: Call, key: String, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Answered(answer) => {
                self.see(key, &answer);
                call.returned(answer);
                self.answered.fetch_add(1, Ordering::Relaxed);
                true
            }
            Outcome::Refused => {
                call.failed();
                false
            }
            Outcome::Unknown => {
                self.leader.store(NOBODY, Ordering::Relaxed);
                false
            }
        }
    }

    fn see(&self, key: String, answer: &Answer) {
        let mut seen = self.seen.lock().unwrap();
        match answer {
            Answer::Value(value) | Answer::Found(value) => {
                seen.insert(key, value.clone());
            }
            Answer::Done | Answer::Swapped => {
                seen.entry(key).or_default();
            }
        }
    }

    /// Returns the node that was last named as the leader, or any node once in `others` times.
    fn node(&self, rng: &mut Rng, others: u64) -> Option<(u64, Handle)> {
        let nodes = self.nodes.lock().unwrap();
        let any = nodes.iter().nth(rng.usize(..nodes.len().max(1)));
        let leader = nodes.get_key_value(&self.leader.load(Ordering::Relaxed));
        let node = match rng.u64(..others) {
            0 => any,
            _ => leader.or(any),
        };
        node.map(|(id, node)| (*id, node.clone()))
    }

    async fn attempt(self: Arc<Self>, id: u64, node: Handle, way: Way, command: Command) -> Outcome {
        match way {
            Way::Log => self.write(id, &node, command).await,
            Way::ReadIndex(_, on) => read(&node, &on, &command.key).await,
            Way::Local => Outcome::Answered(Answer::Value(node.kv.get(&command.key))),
        }
    }

    async fn write(&self, id: u64, node: &Handle, command: Command) -> Outcome {
        match node.raft.client_write(command.clone()).await {
            Ok(written) => {
                self.leader.store(id, Ordering::Relaxed);
                Outcome::Answered(answer(&command.op, written.data))
            }
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                if let Some(leader) = forward.leader_id {
                    self.leader.store(leader, Ordering::Relaxed);
                }
                Outcome::Refused
            }
            // Either this node has discarded the entry, and another node may have it, or this node has stopped.
            Err(_) => Outcome::Unknown,
        }
    }
}

/// Reads from `node`, once `node` has applied everything that `leader` had committed at the time of this call.
async fn read(leader: &Handle, node: &Handle, key: &str) -> Outcome {
    let Ok(linearizer) = leader.raft.get_read_linearizer(ReadPolicy::ReadIndex).await else {
        return Outcome::Refused;
    };
    match linearizer.try_await_ready(&node.raft, Some(PATIENCE)).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => return Outcome::Refused,
    }
    let value = node.kv.get(key);
    // Discard the value from `node` if `node` crashed meanwhile: the node may not remember it.
    match node.is_alive() {
        true => Outcome::Answered(Answer::Value(value)),
        false => Outcome::Unknown,
    }
}
