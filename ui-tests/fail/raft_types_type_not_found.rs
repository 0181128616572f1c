use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = Nod,
        AppData = Comand,
        Payload = Paylod,
        AppDataResponse = (),
}

fn main() {}
