//! What the demo does, scene by scene.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::cluster::Cluster;
use super::load::Load;
use super::progress::Progress;
use super::report::Report;
use super::{Args, verify};
use crate::client::Client;
use crate::types::NodeId;

/// How long a client waits for an answer before it tries another node.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(3);

pub async fn tell(args: &Args) -> anyhow::Result<Report> {
    let mut cluster = Cluster::new()?;
    let report = scenes(args, &mut cluster).await;
    // While the folder is still there.
    report.map_err(|error| error.context(cluster.last_log_lines()))
}

async fn scenes(args: &Args, cluster: &mut Cluster) -> anyhow::Result<Report> {
    let client = Client::new(CLIENT_TIMEOUT)?;
    let founders: BTreeMap<NodeId, String> = (1..=3).map(|id| (id, cluster.addr(id))).collect();

    println!("Starting three nodes in {}", cluster.folder().display());
    for (id, addr) in &founders {
        cluster.start(*id)?;
        println!("  node {id} on http://{addr}");
    }
    for id in founders.keys() {
        cluster.serving(&client, *id).await?;
    }
    client
        .init(&cluster.addr(1), &founders)
        .await
        .context("forming the cluster")?;
    let (leader, term) = cluster.leader_after(&client, 0).await?;
    println!("  formed a cluster: node {leader} leads in term {term}\n");

    println!("{} clients make {} writes", args.clients, args.writes);
    let progress = Progress::new("writes acknowledged", args.writes.into());
    let load = Load::start(&client, founders.values().cloned().collect(), args, &progress);
    load.acknowledged(args.writes / 4).await?;

    let killed = Instant::now();
    cluster.kill(leader)?;
    progress.say(&format!("  killed node {leader}, the leader, with SIGKILL"));
    let (new_leader, term) = cluster.leader_after(&client, term).await?;
    let failover = load.stall_since(killed).await?;
    progress.say(&format!(
        "  node {new_leader} leads in term {term}; no write was acknowledged for {failover:.2?}"
    ));
    load.acknowledged(args.writes / 2).await?;

    let restarted = Instant::now();
    cluster.start(leader)?;
    cluster.caught_up(&client, leader, new_leader).await?;
    let took = restarted.elapsed();
    progress.say(&format!(
        "  restarted node {leader} with the same flags; it caught up in {took:.2?}"
    ));

    let added = Instant::now();
    let newcomer = 4;
    cluster.start(newcomer)?;
    cluster.serving(&client, newcomer).await?;
    let newcomer_addr = cluster.addr(newcomer);
    client
        .add_learner(&cluster.addr(new_leader), newcomer, &newcomer_addr)
        .await
        .context("adding a learner")?;
    cluster.caught_up(&client, newcomer, new_leader).await?;
    let took = added.elapsed();
    progress.say(&format!(
        "  added node {newcomer} as a learner; it caught up in {took:.2?}"
    ));
    client
        .make_voter(&cluster.addr(new_leader), newcomer)
        .await
        .context("making it a voter")?;
    progress.say(&format!("  made node {newcomer} a voter"));

    let written = load.finish().await?;
    progress.finish();
    println!("  all writes acknowledged in {:.2?}\n", written.took);

    println!("Reading every acknowledged write back from every node");
    let leader = cluster
        .leader(&client)
        .await
        .ok_or_else(|| anyhow!("no leader after the last write"))?;
    let ids: Vec<NodeId> = (1..=newcomer).collect();
    for id in &ids {
        cluster.caught_up(&client, *id, leader).await?;
    }
    let addrs: Vec<_> = ids.iter().map(|id| cluster.addr(*id)).collect();
    let checked = verify::read_back(&client, &addrs, &written.writes).await?;
    cluster.stop()?;

    Ok(Report {
        acknowledged: written.writes.len(),
        lost: checked.lost,
        reads: checked.reads,
        nodes: ids.len(),
        failover,
        took: written.took,
    })
}
