use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Responder<T> = Option<T>,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
