//! What generated code names, by way of `$crate::__private`. The module is public because users' crates contain
//! that code, and hidden because its names change together with the macros.
//!
//! - `#[derive(WireMessage)]` uses serde's traits and `codec/derive/`.
//! - `declare_raft_types_ext!` uses `TokioRuntime` and the traits below. Each stands for what openraft requires
//!   of a slot; `raft_types/guard.rs` of the macros says what they are for.

#[allow(deprecated)]
pub use openraft::impls::TokioRuntime;
pub use serde::de::{DeserializeOwned, MapAccess, SeqAccess};
pub use serde::ser::{SerializeStruct, SerializeStructVariant, SerializeTupleStruct, SerializeTupleVariant};
pub use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::codec::derive::{
    Body, BorrowedBody, ByteField, Bytes, Comparable, Defaulted, Downgraded, MapFields, SeqFields, SerdeForm, Shape,
    Upgraded, decode_borrowed_message, decode_message, default_of, deserialize_body, deserialize_message,
    deserialize_previous, downgrade, encode_message, ensure_previous_writable_at, is_default, is_previous_frame,
    is_previous_version, serialize_message, serialize_previous, unknown_variant, upgrade,
};

/// The type in the slot `AppData` of the type config `C`.
pub trait AppDataSlot<C>: openraft::AppData {}

/// The type in the slot `Node` of `C`.
pub trait NodeSlot<C>: openraft::Node {}

/// The type in the slot `NodeId` of `C`.
pub trait NodeIdSlot<C>: openraft::NodeId {}

/// The type in the slot `Term` of `C`.
pub trait TermSlot<C>: openraft::vote::RaftTerm {}

/// The type in the slot `LeaderId` of `C`, which is made of the types in two other slots.
pub trait LeaderIdSlot<C, Term, NodeId>: openraft::vote::RaftLeaderId<Term = Term, NodeId = NodeId> {}

/// The type in the slot `Payload` of `C`, which is made of the types in three other slots.
pub trait PayloadSlot<C, D, NodeId, Node>: openraft::entry::RaftPayload<D = D, NodeId = NodeId, Node = Node> {}

/// The type in the slot `AsyncRuntime` of `C`.
pub trait AsyncRuntimeSlot<C>: openraft::AsyncRuntime {}
