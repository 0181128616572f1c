//! Many raft groups in one process. They share a database and its fsyncs, one connection to each other node, and
//! the threads of one runtime.
//!
//! `multi_group node` runs one node of a cluster. `multi_group demo` runs a cluster of `multi_group node` processes,
//! kills a node, and moves and removes groups. `multi_group costs` measures what groups cost, idle and busy.
//!
//! `run` starts a [`Node`](node::Node), which hosts the groups on its `database`. Groups send messages through `router`
//! and `connection`, and other nodes receive them in `serve`. `sleep` stops the timers of idle groups. `liveness` tells
//! `sleep` which nodes are up.

mod connection;
mod database;
mod demo;
#[path = "../kv/demo/eventually.rs"]
mod eventually;
mod framing;
mod liveness;
mod node;
#[path = "../kv/demo/ports.rs"]
mod ports;
#[path = "../kv/demo/processes.rs"]
mod processes;
#[path = "../kv/rpc.rs"]
mod raft_rpc;
mod router;
mod rpc;
mod run;
mod serve;
#[path = "../kv/signals.rs"]
mod signals;
mod sleep;
mod snapshots;
mod state_machine;
mod stats;
mod types;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "multi_group", about = "Many raft groups in one process", version)]
enum Command {
    /// Run one node of a cluster
    Node(run::Args),
    /// Run a cluster on this machine, kill a node, move and remove groups, and check that no write is lost
    Demo(demo::Args),
    /// Measure what groups cost, idle and busy
    Costs(demo::CostsArgs),
}

fn main() -> ExitCode {
    let run = async {
        match Command::parse() {
            Command::Node(args) => run::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Demo(args) => demo::run(args).await,
            Command::Costs(args) => demo::run_costs(args).await,
        }
    };
    // Saving a snapshot or opening a group blocks a thread. A few threads for such work are enough for any number of
    // groups.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build();
    let result = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run));
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
