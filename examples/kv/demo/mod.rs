//! `kv demo`: three node processes, and clients that write while the leader is killed. With `--faults`, five
//! node processes under many faults.
//!
//! `story` is the demo without faults, and `faults` is the demo with faults. Both start nodes through `cluster`, which
//! runs the nodes in `processes`. `load` writes, `verify` reads everything back, and `report` is the table at the end.

mod cluster;
mod eventually;
#[cfg(unix)]
mod faults;
mod hosts;
mod load;
mod ports;
mod processes;
mod progress;
mod report;
mod story;
mod verify;

use std::process::ExitCode;

use crate::signals::asked_to_stop;

#[derive(clap::Args)]
pub struct Args {
    /// How many writes to make. Some of them must still be left when the leader is killed
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(2_000..))]
    writes: u32,

    /// How many clients write at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,

    #[cfg(unix)]
    #[command(flatten)]
    faults: faults::Args,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // The story owns the processes and the folder. When the story ends or is interrupted, it is dropped, which ends the
    // processes and removes the folder.
    tokio::select! {
        told = tell(&args) => told,
        () = asked_to_stop() => {
            eprintln!("interrupted: the nodes are stopped and their folder is removed");
            Ok(ExitCode::from(130))
        }
    }
}

/// Runs the demo. Succeeds if every acknowledged write was read back from every node.
async fn tell(args: &Args) -> anyhow::Result<ExitCode> {
    #[cfg(unix)]
    if args.faults.faults {
        return faults::tell(&args.faults, args.clients).await;
    }
    let report = story::tell(args).await?;
    println!("\n{report}");
    Ok(if report.lost == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
