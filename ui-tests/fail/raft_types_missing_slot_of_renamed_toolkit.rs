use openraft_toolkit as toolkit;
use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    TypeConfig:
        crate = toolkit,
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
