#[allow(deprecated)]
pub use openraft::impls::TokioRuntime;
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

pub use crate::codec::{BodyReader, BodyWriter, decode_message, encode_message};

/// Implemented by `declare_raft_types_ext!` for the type in the slot `AppData` of `C`.
pub trait AppDataSlot<C>: openraft::AppData {}

/// As [`AppDataSlot`].
pub trait NodeSlot<C>: openraft::Node {}

/// As [`AppDataSlot`].
pub trait NodeIdSlot<C>: openraft::NodeId {}

/// As [`AppDataSlot`].
pub trait TermSlot<C>: openraft::vote::RaftTerm {}
