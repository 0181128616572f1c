//! Measures a cluster of three nodes in one process. Each node has its own database, and each client writes one entry
//! after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft_toolkit::openraft::{Config, SnapshotPolicy};
use openraft_toolkit::test_fakes::{Cluster, MemStateMachine};
use tokio::runtime::Runtime;

use super::baseline::{Durable, Usual};
use super::figures::{number, size};
use super::harness::{median, quantile, ratios, take_turns};
use super::report::Report;
use super::report::Target::{AtLeast, None};
use super::{Database, Settings, Types};

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    for (clients, target) in [(1, None), (64, None), (1024, AtLeast(5.0))] {
        let payload = 128;
        let name = format!(
            "three nodes, {} clients, {}",
            number(f64::from(clients), ""),
            size(payload)
        );
        if !settings.args.picks(&name) {
            continue;
        }
        let load = Load {
            clients,
            payload,
            time: settings.time * 2,
        };
        let outcomes = take_turns(settings.rounds, &[true, false], |own| match own {
            true => runtime.block_on(load.carried_by(|database| database.store(1))),
            false => runtime.block_on(
                load.carried_by(|database| Usual::new(database.db.clone(), GroupPrefixed::new(1), Durable::InAppend)),
            ),
        });
        let of = |side: usize, figure: fn(&Outcome) -> f64| -> Vec<f64> { outcomes[side].iter().map(figure).collect() };
        let rates = [of(0, |o| o.rate), of(1, |o| o.rate)];
        let figures = format!(
            "{} against {}; p50 {} against {}, p99 {} against {}",
            number(median(&rates[0]), "/s"),
            number(median(&rates[1]), "/s"),
            number(median(&of(0, |o| o.p50)), " ms"),
            number(median(&of(1, |o| o.p50)), " ms"),
            number(median(&of(0, |o| o.p99)), " ms"),
            number(median(&of(1, |o| o.p99)), " ms"),
        );
        report.row(&name, "(b)", target, &ratios(&rates[0], &rates[1]), "", figures);
    }
}

struct Load {
    clients: u32,
    payload: usize,
    time: Duration,
}

struct Outcome {
    /// Acknowledged writes per second.
    rate: f64,
    /// The median latency of a write in milliseconds.
    p50: f64,
    /// The p99 latency of a write in milliseconds.
    p99: f64,
}

impl Load {
    async fn carried_by<S>(&self, open: impl Fn(&Database) -> S + Send + Sync + 'static) -> Outcome
    where
        S: RaftLogStorage<Types> + RaftLogReader<Types>,
    {
        let config = Config {
            // The usual store blocks the runtime for so long that the default timeouts would cause elections.
            heartbeat_interval: 500,
            election_timeout_min: 2000,
            election_timeout_max: 3000,
            snapshot_policy: SnapshotPolicy::Never,
            ..Config::default()
        };
        let databases = Arc::new([Database::new(), Database::new(), Database::new()]);
        let syncs = databases.each_ref().map(Database::syncs);
        let cluster = Cluster::builder(move |id: u64| {
            let store = open(&databases[id as usize - 1]);
            async move { Ok((store, MemStateMachine::<Types, u64>::new(|applied, _| *applied += 1))) }
        });
        let deadline = Duration::from_secs(60);
        let cluster = cluster.nodes([1, 2, 3]).config(config).deadline(deadline);
        let cluster = cluster.start().await.unwrap();
        let leader = cluster.wait_for_leader().await.unwrap();
        let raft = cluster.raft(leader);
        raft.client_write("x".to_owned()).await.unwrap();

        let before: u64 = syncs.iter().map(|syncs| syncs()).sum();
        let payload: Arc<str> = "x".repeat(self.payload).into();
        let start = Instant::now();
        let end = start + self.time;
        let clients: Vec<_> = (0..self.clients)
            .map(|_| {
                let (raft, payload) = (raft.clone(), payload.clone());
                tokio::spawn(async move {
                    let mut latencies = Vec::new();
                    while latencies.is_empty() || Instant::now() < end {
                        let start = Instant::now();
                        raft.client_write(payload.to_string()).await.unwrap();
                        latencies.push(start.elapsed().as_secs_f64() * 1e3);
                    }
                    latencies
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.await.unwrap());
        }
        let elapsed = start.elapsed();
        let synced: u64 = syncs.iter().map(|syncs| syncs()).sum::<u64>() - before;
        // Each write is synced on at least two nodes. One sync covers at most one write of each client, because a
        // client waits for each write.
        let writes = latencies.len() as u64;
        let least = 2 * writes.div_ceil(u64::from(self.clients));
        assert!(synced >= least, "{writes} writes, but {synced} syncs");
        cluster.shutdown().await.unwrap();
        Outcome {
            rate: latencies.len() as f64 / elapsed.as_secs_f64(),
            p50: quantile(&latencies, 0.5),
            p99: quantile(&latencies, 0.99),
        }
    }
}
