//! A node: starts its parts in the right order, and stops them.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use futures_util::StreamExt;
use openraft_toolkit::log_store::{LOG_CF, LogDbOptions, META_CF};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::openraft::{BasicNode, Config, SnapshotPolicy};
use openraft_toolkit::{
    BootstrapMode, Flat, RocksdbLogStore, bootstrap_checked, graceful_shutdown, leadership_events, open_db,
};
use tokio::net::TcpListener;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

use crate::api::{self, App};
use crate::client::Client;
use crate::durable;
use crate::level::Level;
use crate::network::Network;
use crate::signals::stop_requested;
use crate::state_machine::StateMachine;
use crate::types::{NodeId, Raft, TypeConfig};

/// The filter of log messages if RUST_LOG is not set. It silences warnings of openraft, which come ten times a
/// second while a node is down.
const DEFAULT_LOG: &str = concat!("warn,openraft=error,", env!("CARGO_CRATE_NAME"), "=info");

/// How long another node may take to answer a question.
const PEER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a leader may take to hand over before it stops.
const HANDOVER: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Args {
    /// This node's id, unique in the cluster and the same at every start
    #[arg(long)]
    id: NodeId,

    /// Where this node keeps its log and its snapshot
    #[arg(long)]
    dir: PathBuf,

    /// The address to serve on, for clients and for the other nodes
    #[arg(long, value_name = "HOST:PORT")]
    listen: String,

    /// The cluster's name: nodes refuse messages from another cluster
    #[arg(long, default_value = "kv")]
    cluster: String,

    /// What this node expects to find in its folder
    #[arg(long, value_enum, default_value_t = Bootstrap::Join)]
    bootstrap: Bootstrap,

    /// The first voters, including this node; the same list on every node. For --bootstrap static
    #[arg(
        long,
        value_name = "ID=HOST:PORT,...",
        value_delimiter = ',',
        value_parser = parse_member,
        required_if_eq("bootstrap", "static")
    )]
    members: Vec<(NodeId, BasicNode)>,

    /// After how many entries the next snapshot is built
    #[arg(long, value_name = "ENTRIES", default_value_t = 10_000)]
    snapshot_every: u64,

    /// How many entries that a snapshot covers stay in the log, for followers that lag; by default as
    /// many as --snapshot-every
    #[arg(long, value_name = "ENTRIES")]
    keep: Option<u64>,

    /// Stop when stdin is closed, so that no node outlives the process that started it
    #[arg(long, hide = true)]
    exit_with_stdin: bool,
}

fn parse_member(member: &str) -> Result<(NodeId, BasicNode), String> {
    let (id, addr) = member.split_once('=').ok_or("expected ID=HOST:PORT")?;
    let id = id.parse().map_err(|error| format!("{id:?} is no id: {error}"))?;
    Ok((id, BasicNode::new(addr)))
}

#[derive(Clone, Copy, ValueEnum)]
enum Bootstrap {
    /// An empty folder, or the state of an earlier run. With an empty folder, the node waits until a
    /// cluster is formed with POST /cluster/init, or until it is added to an existing cluster
    Join,
    /// An empty folder, or the state of an earlier run; every node has the same flags. If all folders of
    /// --members are empty, the member with the smallest id forms the cluster
    Static,
    /// The state of an earlier run. An empty folder is an error, because a node that lost its disk must
    /// not vote again
    Reopen,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();

    // Bind first, so that a wrong address fails before anything is written. Serve last, so that no message from another
    // node is handled before `bootstrap` has checked the storage.
    let listener = TcpListener::bind(&args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;

    let (raft, state_machine) = start_raft(&args).await?;
    let client = Client::new(PEER_TIMEOUT)?;
    let mode = match args.bootstrap {
        Bootstrap::Join => BootstrapMode::Join,
        Bootstrap::Static => BootstrapMode::Static {
            initial_members: BTreeMap::from_iter(args.members),
        },
        Bootstrap::Reopen => BootstrapMode::Reopen,
    };
    bootstrap_checked(&raft, mode, |id, node| has_state(&client, id, node)).await?;
    info!(id = args.id, listen = %listener.local_addr()?, "serving");

    let app = App::new(args.id, args.cluster, raft.clone(), state_machine, client);
    api::serve(listener, app, stopped(raft.clone(), args.exit_with_stdin)).await?;

    let running_state = raft.metrics().borrow_watched().running_state.clone();
    match running_state {
        Ok(()) | Err(Fatal::Stopped) => Ok(()),
        Err(fatal) => Err(fatal.into()),
    }
}

/// Waits until this process is asked to stop, or until raft stops by itself, for example because the disk fails. In
/// both cases, raft has stopped when this function returns. The process then ends, so that a failure is noticed.
async fn stopped(raft: Raft, exit_with_stdin: bool) {
    tokio::select! {
        () = stop_requested(exit_with_stdin) => info!("stopping"),
        () = log_leadership(&raft) => error!("raft has stopped"),
    }
    // Hand over before the server drains its requests: once another node leads, new requests are redirected to it.
    // Requests that still wait for raft when it stops end with an error.
    let handover = graceful_shutdown(&raft, HANDOVER).await;
    info!(?handover, "raft has stopped");
}

/// Asks node `id` whether it has been part of a cluster.
async fn has_state(client: &Client, id: NodeId, node: BasicNode) -> anyhow::Result<bool> {
    let view = client.cluster(&node.addr).await;
    if let Err(error) = &view {
        info!(id, %error, "waiting for another node to start");
    }
    let view = view?;
    Ok(view.term > 0 || !view.nodes.is_empty())
}

async fn start_raft(args: &Args) -> anyhow::Result<(Raft, StateMachine)> {
    claim(args)?;
    let level = Level::open(args.dir.join("level"))?;
    let log_dir = args.dir.join("log");
    let db =
        open_db(&log_dir, LogDbOptions::default()).with_context(|| format!("cannot open {}", log_dir.display()))?;
    let log_store =
        RocksdbLogStore::<TypeConfig, Flat>::open(db, LOG_CF, META_CF, Flat)?.with_write_version(level.cell().clone());
    let network = Network::new(args.cluster.clone(), level.cell().clone())?;
    let state_machine = StateMachine::new(args.dir.join("snapshot"), level);

    let config = Config {
        cluster_name: args.cluster.clone(),
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        install_snapshot_timeout: 60_000,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(args.snapshot_every),
        max_in_snapshot_log_to_keep: args.keep.unwrap_or(args.snapshot_every),
        replication_lag_threshold: args.snapshot_every.saturating_mul(2),
        // With pre-vote, a node that comes back does not force an election on a healthy leader.
        enable_pre_vote: Some(true),
        // After a restart, the state machine may lack acknowledged writes until the node has won an election. With
        // leader restore, the node would lead and serve reads without an election.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    let config = Arc::new(config.validate()?);
    let raft = Raft::new(args.id, config, network, log_store, state_machine.clone()).await?;
    Ok((raft, state_machine))
}

/// Writes this node's name into its folder. Fails if the folder belongs to another node, because using that node's vote
/// and log under another id would break raft's guarantees.
fn claim(args: &Args) -> anyhow::Result<()> {
    let (dir, file) = (args.dir.display(), args.dir.join("owner"));
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot create {dir}"))?;
    let me = format!("node {} of cluster {}", args.id, args.cluster);
    match durable::read(&file).with_context(|| format!("cannot read {}", file.display()))? {
        Some(owner) if owner == me.as_bytes() => Ok(()),
        Some(owner) => bail!("{dir} belongs to {}, but this is {me}", String::from_utf8_lossy(&owner)),
        None => durable::replace(&file, me.as_bytes()).with_context(|| format!("cannot write {}", file.display())),
    }
}

/// Logs every change of leadership. Returns when raft has stopped.
async fn log_leadership(raft: &Raft) {
    let mut events = leadership_events(raft);
    while let Some(state) = events.next().await {
        info!(?state, "leadership");
    }
}
