//! `declare_raft_types_ext!`: what the macro declares, and where it can be called.

use std::any::{TypeId, type_name};
use std::io::Cursor;

use openraft_toolkit::openraft::impls::{
    BasicNode, BoxedErrorSource, Entry, InlineBatch, OneshotResponder, ProgressResponder, Vote, leader_id_adv,
    leader_id_std,
};
use openraft_toolkit::openraft::{EntryPayload, RaftTypeConfig};
use openraft_toolkit::{RaftTypes, declare_raft_types_ext, openraft};

#[track_caller]
fn assert_same<A: 'static, B: 'static>() {
    assert_eq!(
        TypeId::of::<A>(),
        TypeId::of::<B>(),
        "{} is not {}",
        type_name::<A>(),
        type_name::<B>()
    );
}

declare_raft_types_ext! {
    /// Only the required slots, without a trailing comma.
    pub Defaults:
        AppDataResponse = u32,
        Node = BasicNode,
        AppData = String
}

#[test]
fn slots_that_are_not_given_take_their_defaults() {
    type C = Defaults;
    type LeaderId = leader_id_adv::LeaderId<u64, u64>;
    type Payload = EntryPayload<String, u64, BasicNode>;

    assert_same::<<C as RaftTypeConfig>::Node, BasicNode>();
    assert_same::<<C as RaftTypeConfig>::D, String>();
    assert_same::<<C as RaftTypeConfig>::R, u32>();
    assert_same::<<C as RaftTypes>::SnapshotData, Cursor<Vec<u8>>>();
    assert_same::<<C as RaftTypeConfig>::NodeId, u64>();
    assert_same::<<C as RaftTypeConfig>::Term, u64>();
    assert_same::<<C as RaftTypeConfig>::LeaderId, LeaderId>();
    assert_same::<<C as RaftTypeConfig>::Vote, Vote<LeaderId>>();
    assert_same::<<C as RaftTypeConfig>::Payload, Payload>();
    assert_same::<<C as RaftTypeConfig>::Entry, Entry<LeaderId, Payload>>();
    assert_same::<<C as RaftTypeConfig>::Responder<u8>, OneshotResponder<C, u8>>();
    assert_same::<<C as RaftTypeConfig>::Batch<u8>, InlineBatch<u8>>();
    assert_same::<<C as RaftTypeConfig>::ErrorSource, BoxedErrorSource>();
}

#[test]
fn given_slots_take_the_given_types() {
    type StdLeaderId = leader_id_std::LeaderId<u32, String>;
    type Committed = <StdLeaderId as openraft::vote::RaftLeaderId>::Committed;

    declare_raft_types_ext! {
        /// Every slot, inside a function.
        #[derive(Hash)]
        Given:
            ErrorSource = BoxedErrorSource,
            Batch = Vec<T>,
            Responder<Answer> = ProgressResponder<Self, Answer>,
            AsyncRuntime = <Defaults as RaftTypeConfig>::AsyncRuntime,
            Entry = Entry<<Self::LeaderId as openraft::vote::RaftLeaderId>::Committed, Self::Payload>,
            Payload = EntryPayload<Self::D, Self::NodeId, Self::Node>,
            Vote = Vote<Self::LeaderId>,
            LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
            /// The ids of nodes are names, not numbers.
            #[allow(clippy::disallowed_types)]
            NodeId = String,
            Term = u32,
            SnapshotData = std::fs::File,
            Node = (),
            AppData = u8,
            AppDataResponse = Result<u8, String>,
    }
    type C = Given;

    assert_same::<<C as RaftTypeConfig>::Term, u32>();
    assert_same::<<C as RaftTypeConfig>::NodeId, String>();
    assert_same::<<C as RaftTypeConfig>::LeaderId, StdLeaderId>();
    assert_same::<<C as RaftTypeConfig>::Vote, Vote<StdLeaderId>>();
    assert_same::<<C as RaftTypeConfig>::Entry, Entry<Committed, EntryPayload<u8, String, ()>>>();
    assert_same::<<C as RaftTypeConfig>::R, Result<u8, String>>();
    assert_same::<<C as RaftTypes>::SnapshotData, std::fs::File>();
    assert_same::<<C as RaftTypeConfig>::Responder<u8>, ProgressResponder<C, u8>>();
    assert_same::<<C as RaftTypeConfig>::Batch<u8>, Vec<u8>>();
}

/// The view of a crate that depends on the toolkit under another name.
mod renamed {
    pub(super) mod base {
        pub(crate) use openraft_toolkit as toolkit;
    }

    base::toolkit::declare_raft_types_ext! {
        pub(super) Renamed:
            crate = base::toolkit,
            Node = (),
            AppData = String,
            AppDataResponse = (),
    }
}

#[test]
fn a_renamed_toolkit_is_found_by_its_path() {
    assert_same::<<renamed::Renamed as RaftTypes>::SnapshotData, Cursor<Vec<u8>>>();
}

#[test]
fn the_type_is_a_value_that_openraft_can_copy_and_compare() {
    let config = Defaults::default();
    let copy = config;
    assert_eq!(config, copy);
    assert_eq!(format!("{config:?}"), "Defaults");
}
