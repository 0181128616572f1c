#[allow(deprecated)]
pub use openraft::impls::TokioRuntime;
pub use serde::de::{DeserializeOwned, MapAccess, SeqAccess};
pub use serde::ser::{SerializeStruct, SerializeStructVariant, SerializeTupleStruct, SerializeTupleVariant};
pub use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::codec::bytes::{ByteField, Bytes};
pub use crate::codec::versioned::{
    Body, BorrowedBody, Comparable, Defaulted, Downgraded, MapFields, SeqFields, SerdeForm, Shape, Upgraded,
    check_previous, default_of, deserialize_body, deserialize_message, deserialize_previous, downgrade, is_default,
    serialize_message, serialize_previous, unknown_variant, upgrade,
};
pub use crate::codec::{decode_borrowed_message, decode_message, encode_message, is_previous};

/// Implemented by `declare_raft_types_ext!` for the type in the slot `AppData` of `C`.
pub trait AppDataSlot<C>: openraft::AppData {}

/// As [`AppDataSlot`].
pub trait NodeSlot<C>: openraft::Node {}

/// As [`AppDataSlot`].
pub trait NodeIdSlot<C>: openraft::NodeId {}

/// As [`AppDataSlot`].
pub trait TermSlot<C>: openraft::vote::RaftTerm {}

/// As [`AppDataSlot`], with the types that openraft asks it to agree with.
pub trait LeaderIdSlot<C, Term, NodeId>: openraft::vote::RaftLeaderId<Term = Term, NodeId = NodeId> {}

/// As [`LeaderIdSlot`].
pub trait PayloadSlot<C, D, NodeId, Node>: openraft::entry::RaftPayload<D = D, NodeId = NodeId, Node = Node> {}

/// As [`AppDataSlot`].
pub trait AsyncRuntimeSlot<C>: openraft::AsyncRuntime {}
