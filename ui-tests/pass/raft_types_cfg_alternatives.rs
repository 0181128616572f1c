//! A slot has the type whose `#[cfg(..)]` holds, and its default if none holds.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::openraft::impls::{BasicNode, leader_id_std};
use openraft_toolkit::{RaftTypes, declare_raft_types_ext};

declare_raft_types_ext! {
    TypeConfig:
        #[cfg(any())]
        Node = NotEvenDeclared,
        #[cfg(all(not(any()), debug_assertions))]
        Node = BasicNode,
        #[cfg(all(not(any()), not(debug_assertions)))]
        Node = BasicNode,
        AppData = String,
        /// One of several attributes.
        #[cfg(not(any()))]
        #[cfg(all())]
        AppDataResponse = u8,
        #[cfg(any())]
        NodeId = String,
        #[cfg(all())]
        Term = u32,
        LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        #[cfg(any())]
        SnapshotData = NotEvenDeclared,
        #[cfg(any())]
        Batch<Item> = NotEvenDeclared,
        #[cfg_attr(all(), doc = "Where errors come from.")]
        ErrorSource = openraft_toolkit::openraft::impls::BoxedErrorSource,
}

fn is<C>(_: C)
where
    C: RaftTypes<Node = BasicNode, R = u8, NodeId = u64, Term = u32, SnapshotData = std::io::Cursor<Vec<u8>>>,
{
}

fn main() {
    is(TypeConfig::default());
}
