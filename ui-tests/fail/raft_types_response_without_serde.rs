use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Response;

#[derive(Deserialize)]
struct Other;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = (),
        AppData = String,
        AppDataResponse = Response,
}

fn main() {}
