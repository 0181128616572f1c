use openraft_toolkit::{RaftTypes, openraft};

openraft::declare_raft_types!(pub TypeConfig);

fn snapshot_data<C: RaftTypes>() {}

fn main() {
    snapshot_data::<TypeConfig>();
}
