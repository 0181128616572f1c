//! `kv demo`: three node processes, clients that write, and a leader that is killed meanwhile.

mod cluster;
mod eventually;
mod hosts;
mod load;
mod progress;
mod report;
mod story;
mod verify;

use std::process::ExitCode;

use crate::signals::asked_to_stop;

#[derive(clap::Args)]
pub struct Args {
    /// How many writes to make: enough that some are left when the leader is killed
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(2_000..))]
    writes: u32,

    /// How many clients write at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
}

/// Succeeds when every acknowledged write was read back from every node.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // The story owns the processes and the folder. However it ends, dropping it removes both.
    tokio::select! {
        report = story::tell(&args) => {
            let report = report?;
            println!("\n{report}");
            Ok(if report.lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        () = asked_to_stop() => {
            eprintln!("interrupted: the nodes are stopped and their folder is removed");
            Ok(ExitCode::from(130))
        }
    }
}
