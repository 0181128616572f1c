use std::fmt::Debug;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf, SnapshotOf, VoteOf};
use openraft::async_runtime::{MpscReceiver, MpscSender, Select2};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handler::{Handling, RpcHandler};
use super::link::Message;
use super::network::{Process, Registered};
use super::partition::Moment;
use super::{MemNetwork, RpcCounts, RpcKind};
use crate::RaftTypes;

/// Where one node sends from. [`MemNetwork::factory_for`] makes it.
pub struct MemNetworkFactory<C: RaftTypes> {
    from: NodeIdOf<C>,
    process: Process,
    network: Arc<MemNetwork<C>>,
}

impl<C: RaftTypes> MemNetworkFactory<C> {
    pub(super) fn new(from: NodeIdOf<C>, process: Process, network: Arc<MemNetwork<C>>) -> Self {
        Self { from, process, network }
    }
}

impl<C: RaftTypes> RaftNetworkFactory<C> for MemNetworkFactory<C> {
    type Network = MemNetworkClient<C>;

    async fn new_client(&mut self, target: NodeIdOf<C>, _node: &NodeOf<C>) -> Self::Network {
        MemNetworkClient {
            route: Route {
                from: self.from.clone(),
                process: self.process.clone(),
                to: target,
                network: self.network.clone(),
            },
        }
    }
}

/// What one node sends to one other through a [`MemNetwork`].
pub struct MemNetworkClient<C: RaftTypes> {
    route: Route<C>,
}

impl<C: RaftTypes> RaftNetworkV2<C> for MemNetworkClient<C> {
    type SnapshotData = C::SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.append_entries(rpc);
        self.route.call(RpcKind::AppendEntries, rpc, option, handle).await
    }

    async fn vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.vote(rpc);
        self.route.call(RpcKind::Vote, rpc, option, handle).await
    }

    async fn pre_vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.pre_vote(rpc);
        self.route.call(RpcKind::PreVote, rpc, option, handle).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let sent = self.route.send_snapshot(vote, snapshot, option);
        match C::select2(cancel, sent).await {
            Select2::First(closed) => Err(closed.into()),
            Select2::Second(response) => Ok(response?),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, req| node.transfer_leader(req);
        self.route.call(RpcKind::TransferLeader, req, option, handle).await
    }
}

/// From one process of a node to another node, and back.
struct Route<C: RaftTypes> {
    from: NodeIdOf<C>,
    process: Process,
    to: NodeIdOf<C>,
    network: Arc<MemNetwork<C>>,
}

/// Why there is no answer.
enum Loss<C: RaftTypes> {
    /// The sender hears nothing of it, and waits.
    Silent,
    /// The sender sees its connection fail.
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
    /// The way of every RPC but a snapshot.
    ///
    /// The request travels in a task of its own: it arrives, sooner or later, whether its sender still waits
    /// for the answer or not.
    async fn call<Req, Resp>(
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
        let fate = self.network.fate(&self.from, &self.to, Message::Request);
        let (answers, mut answer) = C::mpsc(2);
        let deliver = |request: Req, delay: Duration| {
            let (route, answers) = (self.clone(), answers.clone());
            let delivery = async move {
                let answer = match route.deliver(kind, request, delay, left, handle).await {
                    Ok(response) => Ok(response),
                    Err(Loss::Reported(unreachable)) => Err(unreachable),
                    Err(Loss::Silent) => return,
                };
                // The sender may have given up.
                let _ = answers.send(answer).await;
            };
            let _detached = C::spawn(delivery);
        };
        if fate.duplicate {
            // Entries need not be `Clone`; on a wire it is the bytes that come twice.
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

    /// The way of a snapshot, whose sender takes part until it has arrived: with the sender gone, or the
    /// connection cut, nothing arrives.
    async fn send_snapshot(
        &self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, RPCError<C>> {
        let kind = RpcKind::FullSnapshot;
        let (left, target) = self.depart(kind)?;
        let (fate, interrupted) = self.network.snapshot_fate(&self.from, &self.to);
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
                        "the connection of the snapshot is gone".to_owned(),
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

    /// Refuses a call where the sender can tell at once that it is in vain.
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

    /// The way back.
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
        let fate = self.network.fate(&self.to, &self.from, Message::Answer);
        if fate.lost {
            return Err(lost(Loss::Silent));
        }
        self.travel(fate.delay, left, Message::Answer).await.map_err(lost)?;
        self.transmit(kind, Message::Answer, response)
    }

    /// The time that a message is under way, if its edge is there all the time.
    async fn travel(&self, delay: Duration, left: Moment, message: Message) -> Result<(), Loss<C>> {
        // Even the shortest sleep of a runtime may take a millisecond.
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

    fn transmit<T>(&self, kind: RpcKind, message: Message, value: T) -> Result<T, Loss<C>>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        let transmitted = self.network.transmit((&self.from, &self.to), kind, message, value);
        transmitted.map_err(Loss::reported)
    }

    /// Waits for the answer, as long as openraft allows.
    async fn wait<T: OptionalSend>(
        &self,
        kind: RpcKind,
        option: RPCOption,
        answer: impl Future<Output = Result<T, Loss<C>>> + OptionalSend,
    ) -> Result<T, RPCError<C>> {
        // The time that openraft gives a network to fail by itself, before `hard_ttl` is over.
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
