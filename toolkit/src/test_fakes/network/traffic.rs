//! How a [`MemNetwork`] decides what becomes of each message.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;

use fastrand::Rng;
use openraft::alias::NodeIdOf;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::counts::{RpcCounts, RpcKind};
use super::link::{Fate, LinkFaults, Message};
use super::mem_network::MemNetwork;
use super::process::Registered;
use super::wire::{CodecFailure, round_trip};
use crate::RaftTypes;

impl<C: RaftTypes> MemNetwork<C> {
    /// Returns node `id`, or `None` if it is not registered.
    pub(super) fn target(&self, id: &NodeIdOf<C>) -> Option<Registered<C>> {
        self.state().nodes.get(id).cloned()
    }

    /// Changes the counts of one kind of RPC on a link.
    pub(super) fn count(
        &self,
        (from, to): (&NodeIdOf<C>, &NodeIdOf<C>),
        kind: RpcKind,
        count: impl FnOnce(&mut RpcCounts),
    ) {
        count(self.state().link(from, to).counts.entry(kind).or_default());
    }

    /// Decides at random what becomes of the next message that `from` sends to `to`.
    ///
    /// The random numbers depend only on the seed, the link, the kind of message (request or answer) and the message's
    /// number on the link. So messages on one link do not change what becomes of the messages on another link.
    pub(super) fn next_fate(&self, from: &NodeIdOf<C>, to: &NodeIdOf<C>, message: Message) -> Fate {
        let mut state = self.state();
        let all = state.faults.clone();
        let link = state.link(from, to);
        let nth = match message {
            Message::Request => &mut link.requests,
            Message::Answer => &mut link.answers,
        };
        *nth += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed(), from, to, message == Message::Answer, *nth).hash(&mut hasher);
        let rng = Rng::with_seed(hasher.finish());
        link.faults.as_ref().unwrap_or(&all).fate(message, rng)
    }

    /// Decides at random what becomes of the next snapshot that `from` sends to `to`. The delay of the returned
    /// [`Fate`] includes the time that the transfer of the data takes.
    ///
    /// The returned `bool` is true if the snapshot is to be cut halfway. This is not random: each call uses up one of
    /// the `times` of [`interrupt_snapshots`](MemNetwork::interrupt_snapshots).
    pub(super) fn next_snapshot_fate(&self, from: &NodeIdOf<C>, to: &NodeIdOf<C>) -> (Fate, bool) {
        let mut fate = self.next_fate(from, to, Message::Request);
        let mut state = self.state();
        let all = state.faults.snapshot_time();
        let link = state.link(from, to);
        fate.delay += link.faults.as_ref().map_or(all, LinkFaults::snapshot_time);
        let interrupted = link.snapshots_to_interrupt > 0;
        link.snapshots_to_interrupt -= u64::from(interrupted);
        (fate, interrupted)
    }

    /// Returns the message that the receiver gets: `value` itself or, if messages are encoded, a copy that was encoded
    /// and decoded.
    pub(super) fn transmit<T>(
        &self,
        link: (&NodeIdOf<C>, &NodeIdOf<C>),
        rpc: RpcKind,
        message: Message,
        value: T,
    ) -> Result<T, String>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        match self.encodes.load(Ordering::Acquire) {
            true => self.recode(link, rpc, message, &value),
            false => Ok(value),
        }
    }

    /// Returns a copy of `value`, made by encoding and decoding it. If this fails or the copy differs, adds a failure
    /// to the codec failures, and returns its text as the error.
    pub(super) fn recode<T>(
        &self,
        (from, to): (&NodeIdOf<C>, &NodeIdOf<C>),
        rpc: RpcKind,
        message: Message,
        value: &T,
    ) -> Result<T, String>
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        round_trip(message, value).map_err(|problem| {
            let failure = CodecFailure {
                from: from.clone(),
                to: to.clone(),
                rpc,
                problem,
            };
            let error = failure.to_string();
            tracing::error!("{error}");
            self.state().codec_failures.push(failure);
            error
        })
    }
}
