//! `multi_group node`: starts a node, and stops it.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use openraft_toolkit::openraft::{Config, SnapshotPolicy};
use tokio::net::TcpSocket;
use tracing_subscriber::EnvFilter;

use crate::liveness::Liveness;
use crate::node::Node;
use crate::router::Router;
use crate::serve::serve;
use crate::signals::stop_requested;
use crate::sleep;
use crate::types::NodeId;

/// The filter of log messages if RUST_LOG is not set. It silences warnings of openraft, which openraft repeats for
/// every group while a node is down.
const DEFAULT_LOG: &str = "warn,openraft=error";

#[derive(clap::Args)]
pub struct Args {
    /// This node's id, unique in the cluster and the same at every start
    #[arg(long)]
    id: NodeId,

    /// Where this node keeps its database
    #[arg(long)]
    dir: PathBuf,

    /// The address to serve on
    #[arg(long, value_name = "IP:PORT")]
    listen: String,

    #[command(flatten)]
    timing: Timing,

    /// After how many entries of a group its next snapshot is built
    #[arg(long, value_name = "ENTRIES", default_value_t = 1_000)]
    snapshot_every: u64,

    /// Stop when stdin is closed, so that no node outlives the process that started it
    #[arg(long, hide = true)]
    exit_with_stdin: bool,
}

/// When groups send heartbeats and when they fall asleep.
#[derive(Clone, clap::Args)]
pub struct Timing {
    /// The interval of a leader's heartbeats; a follower waits 3 to 6 times as long before an election. Ten
    /// thousand groups that do not sleep need a longer interval
    #[arg(long = "heartbeat-ms", value_name = "MS", default_value_t = 250)]
    pub heartbeat_ms: u64,

    /// How long a group must be idle before it falls asleep
    #[arg(long = "idle-ms", value_name = "MS", default_value_t = 5_000)]
    pub idle_ms: u64,

    /// Let no group sleep
    #[arg(long)]
    pub awake: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();

    // Bind first, so that a wrong address fails before anything is written. Listen last, so that other nodes are
    // refused at once while groups are opened. Otherwise their messages would pile up unread.
    let socket = bind(&args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;

    let heartbeat_interval = args.timing.heartbeat_ms;
    let election_timeout_min = heartbeat_interval * 3;
    let config = Config {
        heartbeat_interval,
        // Send no heartbeats in a group with writes: each append replaces a heartbeat.
        heartbeat_min_interval: Some(heartbeat_interval),
        election_timeout_min,
        election_timeout_max: heartbeat_interval * 6,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(args.snapshot_every),
        max_in_snapshot_log_to_keep: args.snapshot_every,
        replication_lag_threshold: args.snapshot_every.saturating_mul(2),
        install_snapshot_timeout: 60_000,
        // With pre-vote, a node that comes back does not force elections on a thousand healthy leaders.
        enable_pre_vote: Some(true),
        // After a restart, the state machine may lack acknowledged writes until the node has won an election. With
        // leader restore, the node would lead and serve reads without an election.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    let liveness = Liveness::new(
        Duration::from_millis(heartbeat_interval),
        Duration::from_millis(election_timeout_min),
    );
    let node = Node::open(args.id, &args.dir, Router::new(liveness.clone()), config).await?;
    let node = Arc::new(node);
    let listener = socket.listen(1024)?;

    let idle_after = Duration::from_millis(args.timing.idle_ms);
    tokio::select! {
        served = serve(listener, Arc::clone(&node)) => served?,
        () = sleep::run(&node, &liveness, idle_after), if !args.timing.awake => {}
        failure = node.failure() => return Err(failure),
        () = stop_requested(args.exit_with_stdin) => {}
    }
    node.shutdown().await
}

fn bind(addr: &str) -> anyhow::Result<TcpSocket> {
    let addr: SocketAddr = addr.parse()?;
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Without this option, a restarted node could not bind until the system forgets the connections of the last run.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
