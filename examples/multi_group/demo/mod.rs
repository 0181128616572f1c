//! `multi_group demo` and `multi_group costs`: clusters of node processes on this machine.
//!
//! `story` is `multi_group demo`, and `costs` is `multi_group costs`. Both start nodes through `cluster`, write through
//! `load`, and read the nodes' counters through `figures`.

mod cluster;
mod costs;
mod figures;
mod load;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use crate::run::Timing;
use crate::signals::asked_to_stop;

#[derive(clap::Args)]
pub struct Args {
    /// How many groups
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..))]
    groups: u64,

    /// How many clients write at the same time. Each client writes to its share of the groups, one after the other
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    clients: u64,

    /// How many seconds a scene lasts in which clients write
    #[arg(long, default_value_t = 5)]
    seconds: u64,

    #[command(flatten)]
    timing: Timing,
}

impl Args {
    fn scene(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

pub use costs::Args as CostsArgs;

/// Runs the demo. Succeeds if every replica of every group has every acknowledged write exactly once.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    unless_interrupted(story::tell(&args)).await
}

/// Prints what groups cost.
pub async fn run_costs(args: CostsArgs) -> anyhow::Result<ExitCode> {
    unless_interrupted(costs::run(&args)).await
}

/// Runs `run` until it ends or the user interrupts it. `run` owns the processes and their folder: dropping `run` ends
/// the processes and removes the folder.
async fn unless_interrupted(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    tokio::select! {
        outcome = run => outcome.map(|()| ExitCode::SUCCESS),
        () = asked_to_stop() => {
            eprintln!("interrupted: the nodes are stopped and their folder is removed");
            Ok(ExitCode::from(130))
        }
    }
}
