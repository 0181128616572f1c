use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        SnapshotData = std::rc::Rc<Vec<u8>>,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
