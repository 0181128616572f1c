//! A replicated key-value service on openraft-toolkit.
//!
//! `kv node` runs one node of a cluster, with raft, a log on RocksDB and an HTTP API. `kv demo` runs a whole cluster of
//! `kv node` processes and kills the leader. `kv log` prints a node's log.
//!
//! Requests of clients enter in `api/kv.rs` and become commands (`command.rs`) in the log. `state_machine.rs` applies
//! them to the data (`data.rs`). `network.rs` sends raft's messages to other nodes, which receive them in
//! `api/raft.rs`. `node.rs` starts all of these parts.

mod api;
mod client;
mod command;
mod data;
mod demo;
mod durable;
mod level;
mod log;
mod network;
mod node;
mod rpc;
mod signals;
mod snapshot_file;
mod state_machine;
mod types;
mod view;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "kv", about = "A replicated key-value service", version)]
enum Command {
    /// Run one node of a cluster
    Node(node::Args),
    /// Print the log in a node's folder, and the version at which each command is written
    Log(log::Args),
    /// Run a cluster on this machine, kill its leader, and check that no write is lost
    Demo(demo::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Node(args) => node::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Log(args) => log::run(args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
