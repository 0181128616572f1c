//! A run: clients call a cluster while a nemesis makes faults. Then the answers that the clients got are checked.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use openraft_toolkit::openraft::Config;
use openraft_toolkit::test_fakes::linearizability::{Stats, Violation};
use openraft_toolkit_tests::node::DEADLINE;
use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::clients::{Reads, Service};
use super::cluster::{Cluster, wait_for};
use super::nemesis::{Faults, Nemesis};
use super::node::{Settings, Store, config};

const CLIENTS: u64 = 10;

pub struct Run {
    seed: u64,
    settings: Settings,
    reads: Reads,
}

/// A failure that must never happen.
#[derive(Debug)]
pub enum Failure {
    /// The answers that the clients got are not linearizable.
    NotLinearizable(Violation),
    /// Two state machines that have applied the log up to the same log id differ.
    Diverged(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLinearizable(violation) => violation.fmt(f),
            Self::Diverged(how) => write!(f, "state machines at the same log id differ\n{how}"),
        }
    }
}

/// What happened in a run without a failure.
#[derive(Debug)]
pub struct Report {
    pub stats: Stats,
    pub faults: Faults,
}

impl Run {
    /// A run of a service without a mistake, on the real log store.
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            settings: Settings {
                store: Store::Rocksdb,
                config: Config {
                    enable_pre_vote: Some(seed.is_multiple_of(2)),
                    ..config()
                },
            },
            reads: Reads::Linearizable,
        }
    }

    /// Changes the settings of the nodes.
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Sets how the clients read.
    pub fn reading(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    /// Runs the clients while `nemesis` makes faults. At the end, one client reads all keys.
    pub fn under(self, nemesis: impl FnOnce(&mut Nemesis)) -> Result<Report, Failure> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("clients")
            .enable_all()
            .build()
            .unwrap();
        let service = Service::new(self.reads);
        let mut rng = Rng::with_seed(self.seed);
        let cluster = Cluster::start(self.seed, self.settings, service.clone());
        cluster.wait_for_leader();

        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn_on(service.clone().run(Rng::with_seed(rng.u64(..))), runtime.handle());
        }
        let readers = Rng::with_seed(rng.u64(..));
        let mut at_work = Nemesis::new(cluster, rng, runtime.handle().clone());
        nemesis(&mut at_work);
        at_work.heal();

        service.stop();
        runtime.block_on(clients.join_all());
        // Check the history before that: a cluster that lost data may never answer again.
        check(&service, &at_work)?;
        let reads = runtime.block_on(async { timeout(DEADLINE, service.clone().read_all(readers)).await });
        reads.expect("the cluster answers again");
        let stats = check(&service, &at_work)?;
        let agreed = wait_for("all voters have applied the same", || {
            at_work.supervise();
            at_work.cluster.agree()
        });
        agreed.map_err(|how| failed(Failure::Diverged(how), &at_work))?;
        let Nemesis { cluster, faults, .. } = at_work;
        assert!(cluster.network.codec_failures().is_empty());
        cluster.stop();
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(Report { stats, faults })
    }
}

fn check(service: &Service, at_work: &Nemesis) -> Result<Stats, Failure> {
    let checked = service.history.check();
    checked.map_err(|violation| failed(Failure::NotLinearizable(violation), at_work))
}

/// Prints what happened to the nodes, by the clock of the history.
fn failed(failure: Failure, at_work: &Nemesis) -> Failure {
    for (time, what) in &at_work.story {
        println!("{:12.6}  {what}", time.as_secs_f64());
    }
    failure
}
