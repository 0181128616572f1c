//! `schema_evolution upgrade`: a cluster of release 1 moves to release 3, and its log stays readable.

#[path = "../../kv/demo/cluster.rs"]
mod cluster;
#[path = "../../kv/demo/eventually.rs"]
mod eventually;
#[path = "../../kv/demo/hosts.rs"]
mod hosts;
mod logs;
#[path = "../../kv/demo/ports.rs"]
mod ports;
#[path = "../../kv/demo/processes.rs"]
mod processes;
mod story;

use std::process::ExitCode;

use crate::signals::asked_to_stop;

/// Succeeds when everything was as it should be, and every node's log was read to its end.
pub async fn run() -> anyhow::Result<ExitCode> {
    // The story owns the processes and the folder. However it ends, dropping it removes both.
    tokio::select! {
        told = story::tell() => told.map(|()| ExitCode::SUCCESS),
        () = asked_to_stop() => {
            eprintln!("interrupted: the nodes are stopped and their folder is removed");
            Ok(ExitCode::from(130))
        }
    }
}
