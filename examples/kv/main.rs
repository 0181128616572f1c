//! A replicated key-value service, as one would write it on openraft-toolkit.
//!
//! `kv node` is one member of a cluster: raft, a RocksDB log, an HTTP API. `kv demo` runs a whole
//! cluster of such processes and kills its leader.

mod api;
mod client;
mod demo;
mod durable;
mod network;
mod node;
mod rpc;
mod signals;
mod snapshot_file;
mod state_machine;
mod types;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "kv", about = "A replicated key-value service", version)]
enum Command {
    /// Run one node of a cluster
    Node(node::Args),
    /// Run a cluster on this machine, kill its leader, and check that no write is lost
    Demo(demo::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Node(args) => {
            let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(node::DEFAULT_LOG));
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(std::io::stderr().is_terminal())
                .with_writer(std::io::stderr)
                .init();
            node::run(args).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Demo(args) => demo::run(args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
