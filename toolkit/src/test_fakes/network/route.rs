//! One RPC from one node to another: delivers the request, and brings the answer back.

use std::fmt::Debug;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use openraft::alias::{NodeIdOf, SnapshotOf, VoteOf};
use openraft::async_runtime::{MpscReceiver, MpscSender};
use openraft::errors::{RPCError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::SnapshotResponse;
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::counts::{RpcCounts, RpcKind};
use super::handler::{Handling, RpcHandler};
use super::link::Message;
use super::mem_network::MemNetwork;
use super::partition::Moment;
use super::process::{Process, Registered};
use crate::RaftTypes;

/// The path of RPCs from one run of a node to another node, and back.
pub(super) struct Route<C: RaftTypes> {
    pub(super) from: NodeIdOf<C>,
    /// The run of the sending node. It may have crashed since this route was made.
    pub(super) process: Process,
    pub(super) to: NodeIdOf<C>,
    pub(super) network: Arc<MemNetwork<C>>,
}

/// Why an RPC has no answer.
enum Loss<C: RaftTypes> {
    /// A message was lost. The sender is not told, and waits until the time-to-live of the RPC is over.
    Silent,
    /// The connection or the encoding of a message failed. The sender is told at once.
    Reported(Unreachable<C>),
}

impl<C: RaftTypes> Loss<C> {
    fn reported(why: String) -> Self {
        Self::Reported(Unreachable::from_string(why))
    }
}

impl<C: RaftTypes> From<Unreachable<C>> for Loss<C> {
    fn from(unreachable: Unreachable<C>) -> Self {
        Self::Reported(unreachable)
    }
}

impl<C: RaftTypes> Route<C> {
    /// Sends an RPC of any kind except a snapshot, and waits for its answer.
    ///
    /// The request travels in its own task, so it can arrive even if its sender no longer waits for the answer.
    pub(super) async fn call<Req, Resp>(
        &self,
        kind: RpcKind,
        request: Req,
        option: RPCOption,
        handle: fn(&dyn RpcHandler<C>, Req) -> Handling<C, Resp>,
    ) -> Result<Resp, RPCError<C>>
    where
        Req: Serialize + DeserializeOwned + Debug + OptionalSend + 'static,
        Resp: Serialize + DeserializeOwned + Debug + OptionalSend + 'static,
    {
        let (left, _) = self.depart(kind)?;
        let fate = self.network.next_fate(&self.from, &self.to, Message::Request);
        let (answers, mut answer) = C::mpsc(2);
        let deliver = |request: Req, delay: Duration| {
            let (route, answers) = (self.clone(), answers.clone());
            let delivery = async move {
                let answer = match route.deliver(kind, request, delay, left, handle).await {
                    Ok(response) => Ok(response),
                    Err(Loss::Reported(unreachable)) => Err(unreachable),
                    Err(Loss::Silent) => return,
                };
                // Ignore the error: it means that `call` no longer waits, because it timed out, was dropped, or got the
                // answer to the other copy of the request.
                let _ = answers.send(answer).await;
            };
            let _detached = C::spawn(delivery);
        };
        if fate.duplicate {
            // Copy the request by encoding it, because entries need not be `Clone`.
            let copy = self
                .network
                .recode((&self.from, &self.to), kind, Message::Request, &request);
            deliver(copy.map_err(Unreachable::from_string)?, fate.duplicate_delay);
            self.count(kind, |counts| counts.duplicated += 1);
        }
        match fate.lost {
            true => self.count(kind, |counts| counts.requests_lost += 1),
            false => deliver(request, fate.delay),
        }
        drop(answers);

        let answer = async {
            match answer.recv().await {
                Some(Ok(response)) => Ok(response),
                Some(Err(unreachable)) => Err(Loss::Reported(unreachable)),
                None => Err(Loss::Silent),
            }
        };
        self.wait(kind, option, answer).await
    }

    /// Sends a snapshot, and waits for the answer. The snapshot travels in the future of the sender, because a transfer
    /// needs the sender until its end: if the sender is gone or the connection is cut, nothing arrives.
    pub(super) async fn send_snapshot(
        &self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, RPCError<C>> {
        let kind = RpcKind::FullSnapshot;
        let (left, target) = self.depart(kind)?;
        let (fate, interrupted) = self.network.next_snapshot_fate(&self.from, &self.to);
        let sent = async {
            let lost = |loss| {
                self.count(kind, |counts| counts.requests_lost += 1);
                loss
            };
            let half = fate.delay / 2;
            self.travel(half, left, Message::Request).await.map_err(lost)?;
            if interrupted {
                return Err(lost(Loss::reported("the snapshot was cut halfway".to_owned())));
            }
            if fate.lost {
                return Err(lost(Loss::Silent));
            }
            self.travel(fate.delay - half, left, Message::Request)
                .await
                .map_err(lost)?;
            match self.network.target(&self.to) {
                Some(now) if now.process.is(&target.process) && !self.process.is_crashed() => {}
                _ => {
                    return Err(lost(Loss::reported(
                        "the sender or the receiver of the snapshot is gone".to_owned(),
                    )));
                }
            }
            let (vote, meta) = self.transmit(kind, Message::Request, (vote, snapshot.meta))?;
            let snapshot = Snapshot {
                meta,
                snapshot: snapshot.snapshot,
            };
            self.count(kind, |counts| counts.delivered += 1);
            let response = target.raft.install_full_snapshot(vote, snapshot).await?;
            self.answer(kind, &target, response).await
        };
        self.wait(kind, option, sent).await
    }

    /// Starts a call. Returns the moment at which the request left, and the target. Returns an error if the sender has
    /// crashed, a partition stops the request, or the target is not registered.
    fn depart(&self, kind: RpcKind) -> Result<(Moment, Registered<C>), Unreachable<C>> {
        let (from, to, partitions) = (&self.from, &self.to, self.network.partition());
        let left = partitions.now();
        let refused = if self.process.is_crashed() {
            format!("node {from} has crashed")
        } else if !partitions.held_since(left, from, to) {
            format!("partition: {from} does not reach {to}")
        } else if let Some(target) = self.network.target(to) {
            self.count(kind, |counts| counts.sent += 1);
            return Ok((left, target));
        } else {
            format!("node {to} is not registered")
        };
        self.count(kind, |counts| counts.unreachable += 1);
        Err(Unreachable::from_string(refused))
    }

    /// Brings a request to the target, lets the target handle the request, and brings the answer back.
    async fn deliver<Req, Resp>(
        &self,
        kind: RpcKind,
        request: Req,
        delay: Duration,
        left: Moment,
        handle: fn(&dyn RpcHandler<C>, Req) -> Handling<C, Resp>,
    ) -> Result<Resp, Loss<C>>
    where
        Req: Serialize + DeserializeOwned + Debug,
        Resp: Serialize + DeserializeOwned + Debug,
    {
        let lost = |loss| {
            self.count(kind, |counts| counts.requests_lost += 1);
            loss
        };
        self.travel(delay, left, Message::Request).await.map_err(lost)?;
        let Some(target) = self.network.target(&self.to) else {
            return Err(lost(Loss::reported(format!("node {} is gone", self.to))));
        };
        let request = self.transmit(kind, Message::Request, request)?;
        self.count(kind, |counts| counts.delivered += 1);
        let response = handle(&*target.raft, request).await?;
        self.answer(kind, &target, response).await
    }

    /// Brings an answer back to the sender of the request.
    async fn answer<Resp>(&self, kind: RpcKind, target: &Registered<C>, response: Resp) -> Result<Resp, Loss<C>>
    where
        Resp: Serialize + DeserializeOwned + Debug,
    {
        let lost = |loss| {
            self.count(kind, |counts| counts.answers_lost += 1);
            loss
        };
        if target.process.is_crashed() {
            return Err(lost(Loss::reported(format!("node {} has crashed", self.to))));
        }
        let left = self.network.partition().now();
        let fate = self.network.next_fate(&self.to, &self.from, Message::Answer);
        if fate.lost {
            return Err(lost(Loss::Silent));
        }
        self.travel(fate.delay, left, Message::Answer).await.map_err(lost)?;
        self.transmit(kind, Message::Answer, response)
    }

    /// Waits while a message is under way, and fails if a partition stopped its edge at any moment since `left`.
    async fn travel(&self, delay: Duration, left: Moment, message: Message) -> Result<(), Loss<C>> {
        // Skip a sleep of zero, because the shortest sleep of a runtime may take a millisecond.
        if !delay.is_zero() {
            C::sleep(delay).await;
        }
        let (from, to) = (&self.from, &self.to);
        let (arrives, why) = match message {
            Message::Request => (
                self.network.partition().held_since(left, from, to),
                format!("partition: {from} does not reach {to}"),
            ),
            Message::Answer => (
                self.network.partition().held_since(left, to, from),
                format!("partition: the answer of {to} does not reach {from}"),
            ),
        };
        match arrives {
            true => Ok(()),
            false => Err(Loss::reported(why)),
        }
    }

    /// Returns the message as the receiver gets it; see [`MemNetwork::transmit`].
    fn transmit<T>(&self, kind: RpcKind, message: Message, value: T) -> Result<T, Loss<C>>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        let transmitted = self.network.transmit((&self.from, &self.to), kind, message, value);
        transmitted.map_err(Loss::reported)
    }

    /// Waits for the answer for as long as openraft allows.
    async fn wait<T: OptionalSend>(
        &self,
        kind: RpcKind,
        option: RPCOption,
        answer: impl Future<Output = Result<T, Loss<C>>> + OptionalSend,
    ) -> Result<T, RPCError<C>> {
        // Give up at `soft_ttl`, as openraft asks of a network. openraft may abort the call at the later `hard_ttl`,
        // and the call would then not be counted as timed out.
        let timeout = option.soft_ttl();
        let answer = async {
            match answer.await {
                Err(Loss::Silent) => pending().await,
                Err(Loss::Reported(unreachable)) => Err(unreachable),
                Ok(response) => Ok(response),
            }
        };
        match C::timeout(timeout, answer).await {
            Ok(answer) => {
                let response = answer?;
                self.count(kind, |counts| counts.answered += 1);
                Ok(response)
            }
            Err(_) => {
                self.count(kind, |counts| counts.timed_out += 1);
                Err(RPCError::Timeout(Timeout {
                    action: kind.action(),
                    id: self.from.clone(),
                    target: self.to.clone(),
                    timeout,
                }))
            }
        }
    }

    fn count(&self, kind: RpcKind, count: impl FnOnce(&mut RpcCounts)) {
        self.network.count((&self.from, &self.to), kind, count);
    }
}

impl<C: RaftTypes> Clone for Route<C> {
    fn clone(&self) -> Self {
        Self {
            from: self.from.clone(),
            process: self.process.clone(),
            to: self.to.clone(),
            network: self.network.clone(),
        }
    }
}
