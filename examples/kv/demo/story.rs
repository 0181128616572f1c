//! The demo without faults, scene by scene.

use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::eventually::eventually;
use super::load::Load;
use super::progress::Progress;
use super::report::Report;
use super::{Args, hosts, verify};
use crate::client::Client;
use crate::types::NodeId;

/// How long a client waits for an answer before it tries another node.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Nodes build snapshots so often that the log is purged, and the newcomer starts from a snapshot.
const SNAPSHOTS: &[&str] = &["--snapshot-every", "1000"];

/// The node that joins the first three.
const NEWCOMER: NodeId = 4;

pub async fn tell(args: &Args) -> anyhow::Result<Report> {
    let client = Client::new(CLIENT_TIMEOUT)?;
    let hosts = hosts::loopback(NEWCOMER as usize)?;
    let mut cluster = Cluster::new(client, std::env::current_exe()?, SNAPSHOTS, hosts)?;
    let report = scenes(args, &mut cluster).await;
    // Read the logs of the nodes before their folder is removed.
    report.map_err(|error| error.context(cluster.last_log_lines()))
}

async fn scenes(args: &Args, cluster: &mut Cluster) -> anyhow::Result<Report> {
    form(cluster).await?;

    println!("{} clients make {} writes", args.clients, args.writes);
    let progress = Progress::new("writes acknowledged", args.writes.into());
    let load = Load::start(&cluster.client, cluster.addrs(), args, &progress);

    load.acknowledged(args.writes / 4).await?;
    let (killed, failover) = kill_the_leader(cluster, &load, &progress).await?;
    load.acknowledged(args.writes / 2).await?;
    restart(cluster, killed, &progress).await?;
    grow(cluster, &progress).await?;

    load.acknowledged(args.writes).await?;
    let written = load.finish().await?;
    progress.finish();
    println!("  all acknowledged in {:.2?}\n", written.took);

    println!("Reading every acknowledged write back from every node");
    for id in 1..=NEWCOMER {
        cluster.caught_up(id).await?;
    }
    let nodes = cluster.addrs();
    let values = written.writes.iter().map(|write| (write.key(), Some(write.value())));
    let checked = verify::read_back(&cluster.client, &nodes, &Vec::from_iter(values)).await?;
    cluster.stop().await?;

    Ok(Report {
        acknowledged: written.writes.len(),
        lost: checked.lost,
        reads: checked.reads,
        nodes: nodes.len(),
        failover,
        took: written.took,
    })
}

async fn form(cluster: &mut Cluster) -> anyhow::Result<()> {
    println!("Starting three nodes in {}", cluster.folder().display());
    let founders = Vec::from_iter(1..NEWCOMER);
    for id in &founders {
        println!("  node {id} on http://{}", cluster.addr(*id));
    }
    let (leader, term) = cluster.form(&founders).await?;
    println!("  formed a cluster: node {leader} leads in term {term}\n");
    Ok(())
}

/// Kills the leader. Returns its id, and for how long no write was acknowledged.
async fn kill_the_leader(
    cluster: &mut Cluster,
    load: &Load,
    progress: &Progress,
) -> anyhow::Result<(NodeId, Duration)> {
    let (leader, term) = cluster.leader_after(0).await?;
    let killed = Instant::now();
    cluster.kill(leader)?;
    progress.say(&format!("  killed node {leader}, the leader, with SIGKILL"));

    let (new_leader, term) = cluster.leader_after(term).await?;
    let failover = load.stall_since(killed).await?;
    progress.say(&format!(
        "  node {new_leader} leads in term {term}; no write was acknowledged for {failover:.2?}"
    ));
    Ok((leader, failover))
}

async fn restart(cluster: &mut Cluster, id: NodeId, progress: &Progress) -> anyhow::Result<()> {
    let start = Instant::now();
    cluster.start(id)?;
    cluster.caught_up(id).await?;
    let took = start.elapsed();
    progress.say(&format!(
        "  restarted node {id} with the same flags; it caught up in {took:.2?}"
    ));
    Ok(())
}

async fn grow(cluster: &mut Cluster, progress: &Progress) -> anyhow::Result<()> {
    let start = Instant::now();
    let (leader, _) = cluster.leader_after(0).await?;
    let (entrance, addr) = (cluster.addr(leader), cluster.addr(NEWCOMER));
    cluster.start(NEWCOMER)?;
    cluster.serving(NEWCOMER).await?;

    // Both requests can be repeated if an election interrupts them.
    let client = cluster.client.clone();
    eventually("adding a learner", async || {
        client.add_learner(&entrance, NEWCOMER, &addr).await
    })
    .await?;
    cluster.caught_up(NEWCOMER).await?;
    let took = start.elapsed();
    progress.say(&format!(
        "  added node {NEWCOMER} as a learner; it caught up in {took:.2?}"
    ));

    eventually("making it a voter", async || {
        client.make_voter(&entrance, NEWCOMER).await
    })
    .await?;
    progress.say(&format!("  made node {NEWCOMER} a voter"));
    Ok(())
}
