//! Calls to another node: all groups share one TCP connection to it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{anyhow, bail};
use futures_util::StreamExt;
use openraft_toolkit::WireMessage;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::codec::FramedRead;

use crate::framing::{QUEUE, codec, write_queued};
use crate::rpc::{Reply, Request, Rpc};
use crate::types::{GroupId, NodeId};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How long to wait before the next try to connect.
const RECONNECT: Duration = Duration::from_millis(100);

/// A handle to a connection. A connection that breaks is made again. Clones of the handle share the connection, which
/// is closed when the last clone is dropped.
#[derive(Clone)]
pub struct Connection {
    calls: mpsc::Sender<Call>,
}

struct Call {
    group: GroupId,
    path: &'static str,
    body: Vec<u8>,
    reply: ReplySender,
}

type ReplySender = oneshot::Sender<Result<Vec<u8>, String>>;

impl Connection {
    pub fn open(to: NodeId, addr: String) -> Self {
        let (calls, queue) = mpsc::channel(QUEUE);
        tokio::spawn(run(to, addr, queue));
        Self { calls }
    }

    /// Sends a request and waits for the reply. The caller sets the timeout. Fails at once while the node cannot be
    /// reached. After an error, the node may or may not have carried out the request.
    pub async fn call<R: Rpc>(&self, group: GroupId, rpc: &R) -> anyhow::Result<R::Reply> {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            group,
            path: R::PATH,
            body: rpc.encode()?,
            reply,
        };
        self.calls
            .send(call)
            .await
            .map_err(|_| anyhow!("the connection is closed"))?;
        let body = answer.await.map_err(|_| anyhow!("the node cannot be reached"))?;
        Ok(R::Reply::decode(&body.map_err(anyhow::Error::msg)?)?)
    }
}

/// Connects, and connects again whenever the connection breaks, until there are no more callers.
async fn run(to: NodeId, addr: String, mut queue: mpsc::Receiver<Call>) {
    while !queue.is_closed() {
        // Leave calls in the queue while connecting, so that the first call waits for the connection instead of being
        // refused.
        if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(&addr)).await {
            let outcome = exchange(to, stream, &mut queue).await;
            tracing::debug!(to, ?outcome, "disconnected");
        }
        tokio::select! {
            () = sleep(RECONNECT) => {}
            () = refuse(&mut queue) => {}
        }
    }
}

/// Drops all calls, which their callers see as an error. Returns when there are no more callers.
async fn refuse(queue: &mut mpsc::Receiver<Call>) {
    while queue.recv().await.is_some() {}
}

/// Sends calls, and passes each reply to its caller, until the connection breaks or there are no more callers.
async fn exchange(to: NodeId, stream: TcpStream, queue: &mut mpsc::Receiver<Call>) -> anyhow::Result<()> {
    // Turn off Nagle's algorithm: the writer already gathers all queued messages into one write.
    stream.set_nodelay(true)?;
    let waiting = Waiting::default();
    let (read, write) = stream.into_split();

    let mut id = 0;
    let send = write_queued(write, queue, |call: Call| {
        // Skip calls whose callers have given up, so that these calls do not delay the other calls after a stall.
        if call.reply.is_closed() {
            return Ok(None);
        }
        id += 1;
        waiting.lock().insert(id, call.reply);
        let request = Request {
            id,
            to,
            group: call.group,
            path: call.path.to_owned(),
            body: call.body,
        };
        Ok(Some(request.encode()?))
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

/// The callers that wait for a reply, by the id of the request. Dropping the value returns an error to all of these
/// callers.
#[derive(Default)]
struct Waiting(Mutex<HashMap<u64, ReplySender>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, ReplySender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
