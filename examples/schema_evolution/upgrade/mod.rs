//! `schema_evolution upgrade`: upgrades a cluster from release 1 to release 3, and shows that the log stays readable.

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

/// Runs the upgrade. Succeeds if every step had its expected result, and every node's log was read to its end.
pub async fn run() -> anyhow::Result<ExitCode> {
    // The story owns the processes and the folder. When the story ends or is interrupted, it is dropped, which ends the
    // processes and removes the folder.
    tokio::select! {
        told = story::tell() => told.map(|()| ExitCode::SUCCESS),
        () = asked_to_stop() => {
            eprintln!("interrupted: the nodes are stopped and their folder is removed");
            Ok(ExitCode::from(130))
        }
    }
}
