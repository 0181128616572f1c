use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::impls::leader_id_std;

declare_raft_types_ext! {
    pub TypeConfig:
        Term = u32,
        LeaderId = leader_id_std::LeaderId<u64, Self::NodeId>,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
