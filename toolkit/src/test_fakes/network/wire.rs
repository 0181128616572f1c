//! Encodes and decodes a message, and compares the result with the original.

use std::any;
use std::fmt::{self, Debug};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::counts::RpcKind;
use super::link::Message;
use crate::support::error_chain::error_chain;
use crate::{decode, encode};

/// The version byte of the frames, which only this network reads.
const VERSION: u8 = 1;

/// A message that could not be encoded or decoded, or that was different afterwards.
///
/// [`MemNetwork::codec_failures`](super::MemNetwork::codec_failures) returns these failures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodecFailure<NodeId> {
    /// The node that called.
    pub from: NodeId,
    /// The node that was called.
    pub to: NodeId,
    /// The kind of the RPC.
    pub rpc: RpcKind,
    /// A text that names the message (request or answer) and its type, and describes what is wrong with it.
    pub problem: String,
}

impl<NodeId: fmt::Display> fmt::Display for CodecFailure<NodeId> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, rpc, problem } = self;
        write!(f, "{rpc} from {from} to {to}: {problem}")
    }
}

/// Encodes and decodes `value`. Returns the decoded message, or a text that describes what went wrong, or how the
/// decoded message differs.
pub(super) fn round_trip<T>(message: Message, value: &T) -> Result<T, String>
where
    T: Serialize + DeserializeOwned + Debug,
{
    let fail = |problem: String| {
        let message = match message {
            Message::Request => "request",
            Message::Answer => "answer",
        };
        format!("the {message}, a `{}`, {problem}", any::type_name::<T>())
    };
    let frame = encode(VERSION, value).map_err(|error| fail(format!("cannot be encoded: {}", error_chain(&error))))?;
    let received: T = decode(VERSION, &frame).map_err(|error| {
        fail(format!(
            "cannot be decoded again: {}\n  sent: {value:?}",
            error_chain(&error)
        ))
    })?;
    let (sent, got) = (format!("{value:?}"), format!("{received:?}"));
    if sorted(&sent) != sorted(&got) {
        return Err(fail(format!("is read differently\n  sent: {sent}\n  read: {got}")));
    }
    Ok(received)
}

/// Returns the bytes of `text` in sorted order. The texts of two messages are compared in this form, because a hash map
/// and its copy show their elements in different orders.
fn sorted(text: &str) -> Vec<u8> {
    let mut letters = text.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}
