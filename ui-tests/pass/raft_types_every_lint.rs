//! The generated code passes every lint that a crate may deny.
#![deny(warnings, nonstandard_style, rust_2018_idioms)]
#![deny(
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unnameable_types,
    unreachable_pub
)]
#![deny(
    single_use_lifetimes,
    unused_lifetimes,
    unused_qualifications,
    trivial_casts,
    absolute_paths_not_starting_with_crate
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![forbid(unsafe_code)]

use openraft_toolkit::openraft::impls::{BasicNode, ProgressResponder, leader_id_std};
use openraft_toolkit::{declare_raft_types_ext, openraft};

declare_raft_types_ext! {
    /// The types of the service.
    pub TypeConfig:
        Node = BasicNode,
        AppData = String,
        AppDataResponse = (),
        NodeId = u32,
        Term = u16,
        LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        Payload = openraft::EntryPayload<Self::D, Self::NodeId, Self::Node>,
        Responder<T> = ProgressResponder<Self, T>,
}

fn main() {
    let _ = TypeConfig::default();
}
