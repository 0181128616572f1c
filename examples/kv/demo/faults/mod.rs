//! `kv demo --faults`: kills and pauses nodes and cuts links while clients work, and then checks that the clients'
//! answers are linearizable.
//!
//! `schedule` chooses the faults from a seed, `nemesis` makes the faults, and `namespaces` cuts links for `nemesis`.
//! Meanwhile `clients` call the nodes and record a history. `summary` shows the checker's verdict on the history.

mod clients;
mod namespaces;
mod nemesis;
mod schedule;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};

use self::clients::{Clients, Told, ask};
use self::namespaces::Namespaces;
use self::nemesis::Nemesis;
use self::schedule::Schedule;
use self::summary::Summary;
use super::cluster::Cluster;
use super::eventually::eventually;
use super::{hosts, verify};
use crate::client::Client;
use crate::types::NodeId;

/// The number of nodes. The cluster works while two of five nodes are down, but not while three are down.
const NODES: usize = 5;

/// How long the demo waits for an answer to its own requests.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Nodes build snapshots so often that some nodes that were down get a snapshot when they come back.
const SNAPSHOTS: &[&str] = &["--snapshot-every", "200", "--keep", "50"];

const IN_NAMESPACE: &str = "--in-namespace";

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Make faults (SIGKILL, SIGSTOP and one-way partitions) while clients put, get, delete and
    /// compare-and-set, and check that their answers are linearizable
    #[arg(long, conflicts_with = "writes")]
    pub faults: bool,

    /// Repeat the schedule of faults of another run, by the seed that it printed
    #[arg(long, requires = "faults")]
    seed: Option<u64>,

    /// For how many seconds to make faults
    #[arg(long, requires = "faults", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,

    /// Set by the demo itself when it starts again in a network namespace
    #[arg(long = &IN_NAMESPACE[2..], hide = true)]
    in_namespace: bool,
}

/// Runs the demo. Succeeds if the history is linearizable and all nodes have the same values in the end.
pub async fn tell(args: &Args, clients: u32) -> anyhow::Result<ExitCode> {
    let namespaces = match args.in_namespace {
        true => Namespaces::new(NODES),
        false => Err(namespaces::enter(IN_NAMESPACE)),
    };
    let hosts = match &namespaces {
        Ok(namespaces) => namespaces.hosts(),
        Err(error) => {
            println!("No network namespaces here, so no link will be cut ({error:#})");
            hosts::loopback(NODES)?
        }
    };
    let mut cluster = Cluster::new(Client::new(TIMEOUT)?, std::env::current_exe()?, SNAPSHOTS, hosts)?;
    let told = scenes(args, clients, &mut cluster, namespaces.as_ref().ok()).await;
    // Read the logs of the nodes before their folder is removed.
    let summary = told.map_err(|error| error.context(cluster.last_log_lines()))?;
    println!("\n{summary}");
    if summary.is_clean() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{}", cluster.last_log_lines());
    Ok(ExitCode::FAILURE)
}

async fn scenes(
    args: &Args,
    clients: u32,
    cluster: &mut Cluster,
    namespaces: Option<&Namespaces>,
) -> anyhow::Result<Summary> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!(
        "kv demo --faults --seed {seed} --seconds {} --clients {clients}\n",
        args.seconds
    );
    let nodes = Vec::from_iter(1..=NODES as NodeId);
    cluster.form(&nodes).await?;
    println!("{clients} clients put, get, delete and compare-and-set");
    let history = History::new();
    let start = Instant::now();
    let end = start + Duration::from_secs(args.seconds);
    let clients = Clients::start(&history, &cluster.addrs(), clients, seed, end)?;
    let mut nemesis = Nemesis {
        cluster: &mut *cluster,
        namespaces,
        made: BTreeMap::new(),
    };
    nemesis
        .run(Schedule::new(seed, namespaces.is_some()), start, end)
        .await?;
    let made = nemesis.made;
    let keys = clients.finish().await?;

    println!("\nReading every key once more, and from every node");
    let values = read_once_more(cluster, &history, &keys).await?;
    for id in nodes {
        cluster.caught_up(id).await?;
    }
    let replicas = verify::read_back(&cluster.client, &cluster.addrs(), &values).await?;
    cluster.stop().await?;

    Ok(Summary {
        made,
        verdict: history.check(),
        replicas,
        keys: keys.len(),
    })
}

/// Reads every key as one more client of the history, so that the checker notices an acknowledged write that is lost.
async fn read_once_more(
    cluster: &Cluster,
    history: &History,
    keys: &BTreeSet<String>,
) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let record = history.client();
    let mut values = Vec::new();
    for key in keys {
        let value = eventually("reading", async || {
            let call = record.call(key, Op::Get);
            match ask(&cluster.client, &cluster.addr(1), key, &Op::Get).await? {
                Told::Answer(Answer::Value(value)) => {
                    call.returned(Answer::Value(value.clone()));
                    Ok(value)
                }
                _ => bail!("no answer"),
            }
        })
        .await?;
        values.push((key.clone(), value));
    }
    Ok(values)
}
