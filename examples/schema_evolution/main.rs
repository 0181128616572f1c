//! Release 3 of a service whose release 1 is `kv`. Its commands have more fields, and there is one more command.
//!
//! The releases differ only in `command.rs` and `data.rs`. `schema_evolution node` starts a node of release 3, as `kv
//! node` starts a node of release 1. `schema_evolution upgrade` upgrades a cluster from release 1 to release 3.

#[path = "../kv/api/mod.rs"]
mod api;
#[path = "../kv/client.rs"]
mod client;
mod command;
mod data;
#[path = "../kv/durable.rs"]
mod durable;
#[path = "../kv/level.rs"]
mod level;
#[path = "../kv/log.rs"]
mod log;
#[path = "../kv/network.rs"]
mod network;
#[path = "../kv/node.rs"]
mod node;
#[path = "../kv/rpc.rs"]
mod rpc;
#[path = "../kv/signals.rs"]
mod signals;
#[path = "../kv/snapshot_file.rs"]
mod snapshot_file;
#[path = "../kv/state_machine.rs"]
mod state_machine;
#[path = "../kv/types.rs"]
mod types;
mod upgrade;
#[path = "../kv/view.rs"]
mod view;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(
    name = "schema_evolution",
    about = "A replicated key-value service, release 3",
    version
)]
enum Command {
    /// Run one node of a cluster
    Node(node::Args),
    /// Print the log in a node's folder, and the version at which each command is written
    Log(log::Args),
    /// Upgrade a cluster on this machine from release 1, node by node, and read its log in the end
    Upgrade,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Node(args) => node::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Log(args) => log::run(args).map(|()| ExitCode::SUCCESS),
        Command::Upgrade => upgrade::run().await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
