use openraft_toolkit::openraft::Raft;
use openraft_toolkit::{RaftTypes, declare_raft_types_ext};

struct Command;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = (),
        AppData = Command,
        AppDataResponse = (),
}

// rustc reports each missing trait once, and reports nothing about the defaults that are built on the type.
fn is_raft_type_config<C: RaftTypes>() {}

async fn write<SM>(raft: Raft<TypeConfig, SM>)
where
    SM: openraft_toolkit::openraft::storage::RaftStateMachine<TypeConfig>,
{
    let _ = raft.client_write(Command).await;
}

fn main() {
    is_raft_type_config::<TypeConfig>();
}
