use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::impls::{Vote, leader_id_std};

declare_raft_types_ext! {
    pub TypeConfig:
        Vote = Vote<leader_id_std::LeaderId<u64, u64>>,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
