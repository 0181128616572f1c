//! Futures that use the declared types are `Send`, so a task can be spawned for them.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]
// The functions are generic over the state machine, so this case needs no state machine, and never calls them.
#![allow(dead_code)]

use std::fmt::{self, Display};
use std::sync::Arc;

use openraft_toolkit::openraft::Raft;
use openraft_toolkit::openraft::storage::RaftStateMachine;
use openraft_toolkit::{RaftTypes, declare_raft_types_ext, openraft};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command(Vec<String>);

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

declare_raft_types_ext! {
    TypeConfig: Node = openraft::BasicNode, AppData = Command, AppDataResponse = Option<String>,
}

async fn write<SM>(raft: Arc<Raft<TypeConfig, SM>>) -> Option<String>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = <TypeConfig as RaftTypes>::SnapshotData>,
{
    let response = raft.client_write(Command(Vec::new())).await;
    response.ok().and_then(|response| response.data)
}

fn spawn<SM>(raft: Arc<Raft<TypeConfig, SM>>) -> impl Future<Output = Option<String>> + Send + 'static
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = <TypeConfig as RaftTypes>::SnapshotData>,
{
    write(raft)
}

fn main() {
    let _ = TypeConfig::default();
}
