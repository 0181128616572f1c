//! The calling side: one TCP connection to a node, for all groups.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{anyhow, bail};
use futures_util::StreamExt;
use openraft_toolkit::WireMessage;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::codec::FramedRead;

use crate::framing::{QUEUE, codec, write_queued};
use crate::rpc::{Reply, Request, Rpc};
use crate::types::{GroupId, NodeId};

const RECONNECT: Duration = Duration::from_millis(100);

/// A handle on a connection, which is made again whenever it breaks; clones share it. The last one that is
/// dropped closes it.
#[derive(Clone)]
pub struct Connection {
    calls: mpsc::Sender<Call>,
}

struct Call {
    group: GroupId,
    path: &'static str,
    body: Vec<u8>,
    reply: oneshot::Sender<Result<Vec<u8>, String>>,
}

impl Connection {
    pub fn open(to: NodeId, addr: String) -> Self {
        let (calls, queue) = mpsc::channel(QUEUE);
        tokio::spawn(run(to, addr, queue));
        Self { calls }
    }

    /// Fails at once while the node cannot be reached, and waits for its answer otherwise, which the caller
    /// bounds. After an error, nobody knows whether it was done.
    pub async fn call<R: Rpc>(&self, group: GroupId, rpc: &R) -> anyhow::Result<R::Reply> {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            group,
            path: R::PATH,
            body: rpc.encode()?,
            reply,
        };
        self.calls.send(call).await.map_err(|_| anyhow!("the connection is closed"))?;
        let body = answer.await.map_err(|_| anyhow!("the node cannot be reached"))?;
        Ok(R::Reply::decode(&body.map_err(anyhow::Error::msg)?)?)
    }
}

async fn run(to: NodeId, addr: String, mut queue: mpsc::Receiver<Call>) {
    while !queue.is_closed() {
        let connected = tokio::select! {
            connected = TcpStream::connect(&addr) => connected,
            () = refuse(&mut queue) => return,
        };
        if let Ok(stream) = connected {
            // Small messages must not wait for more: the writer has gathered what there is.
            let outcome = match stream.set_nodelay(true) {
                Ok(()) => exchange(to, stream, &mut queue).await,
                Err(error) => Err(error.into()),
            };
            tracing::debug!(to, ?outcome, "disconnected");
        }
        tokio::select! {
            () = sleep(RECONNECT) => {}
            () = refuse(&mut queue) => return,
        }
    }
}

/// Dropping a call is its error. Returns when there are no more callers.
async fn refuse(queue: &mut mpsc::Receiver<Call>) {
    while queue.recv().await.is_some() {}
}

/// Sends calls and hands out replies, until the connection breaks or there are no more callers.
async fn exchange(to: NodeId, stream: TcpStream, queue: &mut mpsc::Receiver<Call>) -> anyhow::Result<()> {
    let waiting = Waiting::default();
    let (read, write) = stream.into_split();

    let mut id = 0;
    let send = write_queued(write, queue, |call: Call| {
        id += 1;
        waiting.lock().insert(id, call.reply);
        let request = Request {
            id,
            to,
            group: call.group,
            path: call.path.to_owned(),
            body: call.body,
        };
        Ok(request.encode()?)
    });

    let receive = async {
        let mut replies = FramedRead::new(read, codec());
        while let Some(frame) = replies.next().await {
            let Reply { id, body } = Reply::decode(&frame?)?;
            if let Some(reply) = waiting.lock().remove(&id) {
                // The caller may have given up.
                let _ = reply.send(body);
            }
        }
        bail!("closed by the node")
    };

    tokio::select! {
        sent = send => sent,
        received = receive => received,
    }
}

/// Who waits for which reply. Dropping it tells them that there will be none.
#[derive(Default)]
struct Waiting(Mutex<HashMap<u64, oneshot::Sender<Result<Vec<u8>, String>>>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Vec<u8>, String>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
