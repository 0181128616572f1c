//! Answers the requests that arrive on connections.

use std::sync::Arc;

use anyhow::{bail, ensure};
use futures_util::StreamExt;
use openraft_toolkit::ProposeError;
use openraft_toolkit::WireMessage;
use openraft_toolkit::{add_learner, change_membership};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::codec::FramedRead;

use crate::framing::{QUEUE, codec, write_queued};
use crate::node::Node;
use crate::rpc::*;
use crate::types::{Increment, Snapshot};

/// Accepts connections and answers their requests. Returns only if accepting fails.
pub async fn serve(listener: TcpListener, node: Arc<Node>) -> anyhow::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let outcome = connection(stream, node).await;
            tracing::debug!(%peer, ?outcome, "disconnected");
        });
    }
}

async fn connection(stream: TcpStream, node: Arc<Node>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (replies, mut queue) = mpsc::channel(QUEUE);

    let receive = async {
        let mut requests = FramedRead::new(read, codec());
        while let Some(frame) = requests.next().await {
            let request = Request::decode(&frame?)?;
            let (node, replies) = (Arc::clone(&node), replies.clone());
            // Answer each request in a task of its own, so that a slow group does not delay the others.
            tokio::spawn(async move {
                let id = request.id;
                let body = answer(&node, request).await.map_err(|error| format!("{error:#}"));
                // An error means that the connection is closed, so that nobody waits for the reply.
                let _ = replies.send(Reply { id, body }).await;
            });
        }
        Ok(())
    };
    let send = write_queued(write, &mut queue, |reply: Reply| Ok(Some(reply.encode()?)));

    tokio::select! {
        received = receive => received,
        sent = send => sent,
    }
}

async fn answer(node: &Node, request: Request) -> anyhow::Result<Vec<u8>> {
    // Another node may have had this address before. If this node answered in its place, a vote or an entry would be
    // counted twice.
    ensure!(
        request.to == node.id,
        "this is node {}, not node {}",
        node.id,
        request.to
    );
    let (id, body) = (request.group, &request.body[..]);
    let group = || node.group(id);
    let raft = || anyhow::Ok(group()?.raft);

    match request.path.as_str() {
        Append::PATH => {
            on(body, |Append(rpc)| async move {
                Ok(AppendReply(raft()?.append_entries(rpc).await?))
            })
            .await
        }
        RequestVote::PATH => {
            on(body, |RequestVote(rpc)| async move {
                Ok(VoteReply(raft()?.vote(rpc).await?))
            })
            .await
        }
        PreVote::PATH => {
            on(body, |PreVote(rpc)| async move {
                Ok(VoteReply(raft()?.pre_vote(rpc).await?))
            })
            .await
        }
        InstallSnapshot::PATH => {
            on(body, |InstallSnapshot { vote, meta, snapshot }| async move {
                let snapshot = Snapshot { meta, snapshot };
                let installed = raft()?.install_full_snapshot(vote, snapshot).await?;
                Ok(InstallSnapshotReply(installed))
            })
            .await
        }
        TransferLeader::PATH => {
            on(body, |TransferLeader(rpc)| async move {
                Ok(TransferLeaderReply(raft()?.handle_transfer_leader(rpc).await?))
            })
            .await
        }

        Write::PATH => {
            on(body, |Write { from }| async move {
                match group()?.write(Increment { from }).await {
                    Ok(count) => Ok(Written::At(count)),
                    Err(ProposeError::NotLeader { source, .. }) => Ok(Written::NotLeader(source.leader_id)),
                    Err(error) => Err(error.into()),
                }
            })
            .await
        }

        Host::PATH => {
            on(body, |Host { founders }| async move {
                node.host(id, founders).await?;
                Ok(Done {})
            })
            .await
        }
        Remove::PATH => {
            on(body, |Remove {}| async move {
                node.remove(id).await?;
                Ok(Done {})
            })
            .await
        }
        HandOver::PATH => {
            on(body, |HandOver { to }| async move {
                let group = group()?;
                group.renew_lease().await;
                group.raft.trigger().transfer_leader(to).await?;
                Ok(Done {})
            })
            .await
        }
        AddLearner::PATH => {
            on(body, |AddLearner { id, node }| async move {
                let group = group()?;
                group.renew_lease().await;
                add_learner(&group.raft, id, node, true).await?;
                Ok(Done {})
            })
            .await
        }
        SetVoters::PATH => {
            on(body, |SetVoters { voters }| async move {
                let group = group()?;
                group.renew_lease().await;
                change_membership(&group.raft, voters, false).await?;
                Ok(Done {})
            })
            .await
        }

        Ping::PATH => {
            on(body, |Ping {}| async move {
                let incarnation = node.incarnation;
                Ok(Pong { incarnation })
            })
            .await
        }
        Look::PATH => on(body, |Look {}| async move { Ok(group()?.view()) }).await,
        List::PATH => on(body, |List {}| async move { Ok(Groups(node.views())) }).await,
        GetStats::PATH => on(body, |GetStats {}| async move { Ok(node.stats()) }).await,
        path => bail!("there is no request {path}"),
    }
}

/// Decodes the request, and encodes its answer.
async fn on<R: Rpc, F>(body: &[u8], answer: impl FnOnce(R) -> F) -> anyhow::Result<Vec<u8>>
where
    F: Future<Output = anyhow::Result<R::Reply>>,
{
    Ok(answer(R::decode(body)?).await?.encode()?)
}
