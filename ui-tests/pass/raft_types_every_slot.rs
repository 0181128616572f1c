//! Every slot can be given, in any order, with attributes.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::openraft::impls::{BoxedErrorSource, Entry, InlineBatch, ProgressResponder, Vote, leader_id_std};
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, RaftTypeConfig};
use openraft_toolkit::{declare_raft_types_ext, openraft};

declare_raft_types_ext! {
    pub(crate) TheRuntime: Node = (), AppData = String, AppDataResponse = (),
}

declare_raft_types_ext! {
    #[derive(Hash)]
    #[allow(clippy::module_name_repetitions)]
    pub(crate) TypeConfig:
        AsyncRuntime = <TheRuntime as RaftTypeConfig>::AsyncRuntime,
        Batch<Item> = InlineBatch<Item>,
        ErrorSource = BoxedErrorSource,
        Responder = ProgressResponder<Self, T>,
        /// This type uses slots that are given further below.
        Payload = EntryPayload<Self::D, Self::NodeId, Self::Node>,
        Entry = Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>,
        Vote = Vote<Self::LeaderId>,
        LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        Term = u32,
        NodeId = String,
        Node = openraft::BasicNode,
        SnapshotData = std::fs::File,
        AppData = String,
        AppDataResponse = u8,
}

fn main() {
    let _ = (TypeConfig::default(), TheRuntime::default());
}
