use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        AppData = String,
        AppDataResponse = (),
        Responder<T> = openraft_toolkit::openraft::impls::OneshotResponder<Self, T> where T: Send + 'static,
}

fn main() {}
