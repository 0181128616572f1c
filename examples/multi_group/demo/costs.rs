//! `multi_group costs`: measures what groups cost while nobody writes, and while clients write to all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::BinaryBytes;
use tokio::time::sleep;

use super::cluster::{Cluster, FOUNDERS};
use super::figures::{Reading, Usage, count, millis};
use super::load::{Done, Load, Target};
use crate::run::Timing;

#[derive(clap::Args)]
pub struct Args {
    /// How many groups. Several numbers are measured one after the other, each on new nodes
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
    groups: Vec<u64>,

    /// How many clients write at the same time
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    clients: u64,

    /// How many seconds to measure without writes, and then with writes
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    #[command(flatten)]
    timing: Timing,
}

pub async fn run(args: &Args) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for groups in &args.groups {
        eprintln!("measuring {} groups", count(*groups as f64));
        all.push(measure(args, *groups).await?);
    }

    println!(
        "each of three nodes, with groups{}",
        if args.timing.awake { " awake" } else { "" }
    );
    let row = |name: &str, value: &dyn Fn(&Costs) -> String| {
        let values: String = all.iter().map(|costs| format!("{:>14}", value(costs))).collect();
        println!("{name:<28}{values}");
    };
    let percent = |cores: f64| format!("{:.1}%", cores * 100.0);
    row("", &|c| count(c.groups as f64));
    row("founded in", &|c| format!("{:.1?}", c.founded));
    row("idle CPU, of one core", &|c| percent(c.idle.cpu));
    row("idle messages/s", &|c| count(c.idle.messages));
    row("idle socket writes/s", &|c| count(c.idle.socket_writes));
    row("idle memory", &|c| BinaryBytes(c.idle.memory).to_string());
    row("idle tasks", &|c| count(c.idle.tasks as f64));
    row("writes/s", &|c| count(c.done.writes_per_second()));
    row("p50", &|c| millis(c.done.latency(0.5)));
    row("p99", &|c| millis(c.done.latency(0.99)));
    row("busy CPU, of one core", &|c| percent(c.busy.cpu));
    row("fsyncs/s", &|c| count(c.busy.fsyncs));
    row("writes an fsync", &|c| {
        format!("{:.1}", c.done.writes_per_second() / c.busy.fsyncs.max(1.0))
    });
    row("busy messages/s", &|c| count(c.busy.messages));
    row("busy socket writes/s", &|c| count(c.busy.socket_writes));
    row("busy memory", &|c| BinaryBytes(c.busy.memory).to_string());
    row("threads", &|c| c.busy.threads.to_string());
    row("file handles", &|c| c.busy.file_handles.to_string());
    row("database opened in", &|c| format!("{} ms", c.opened_db_ms));
    row("groups opened in", &|c| format!("{} ms", c.opened_groups_ms));
    Ok(())
}

struct Costs {
    groups: u64,
    founded: Duration,
    idle: Usage,
    busy: Usage,
    done: Done,
    opened_db_ms: u64,
    opened_groups_ms: u64,
}

async fn measure(args: &Args, groups: u64) -> anyhow::Result<Costs> {
    let measured = Duration::from_secs(args.seconds);
    let mut cluster = Cluster::new(args.timing.clone())?;
    for id in FOUNDERS {
        cluster.start(id).await?;
    }
    let start = Instant::now();
    cluster.found(1..=groups).await?;
    cluster.leaders().await?;
    let founded = start.elapsed();

    if !args.timing.awake {
        cluster.asleep().await?;
    }
    let before = Reading::now(&cluster).await?;
    sleep(measured).await;
    let idle = before.until_now(&cluster).await?;

    let targets: Vec<_> = (1..=groups).map(|id| Arc::new(Target::new(id))).collect();
    let before = Reading::now(&cluster).await?;
    let load = Load::start(&targets, cluster.connections(), args.clients);
    sleep(measured).await;
    let busy = before.until_now(&cluster).await?;
    let done = load.stop().await?;

    let [victim, ..] = FOUNDERS;
    cluster.kill(victim)?;
    cluster.start(victim).await?;
    let reopened = cluster.stats(victim).await?;
    Ok(Costs {
        groups,
        founded,
        idle,
        busy,
        done,
        opened_db_ms: reopened.opened_db_ms,
        opened_groups_ms: reopened.opened_groups_ms,
    })
}
