//! The HTTP server of a node.
//!
//! `kv` serves clients, `cluster` serves operators, `raft` serves the other nodes, and `metrics` serves Prometheus.
//! `error` turns every failure into a status and a message.

mod cluster;
mod error;
mod kv;
mod metrics;
mod raft;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use openraft_toolkit::WriteVersion;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::state_machine::StateMachine;
use crate::types::{NodeId, Raft};

/// The state that all handlers share.
#[derive(Clone)]
pub struct App {
    id: NodeId,
    cluster: Arc<str>,
    raft: Raft,
    state_machine: StateMachine,
    /// The client that sends requests to other nodes.
    client: Client,
}

impl App {
    pub fn new(id: NodeId, cluster: String, raft: Raft, state_machine: StateMachine, client: Client) -> Self {
        Self {
            id,
            cluster: cluster.into(),
            raft,
            state_machine,
            client,
        }
    }

    /// Returns the level at which this node writes.
    fn level(&self) -> &WriteVersion {
        self.state_machine.level()
    }
}

/// Serves until `stopped` returns, and then waits for the requests in flight.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .nest("/kv", kv::routes())
        .nest("/cluster", cluster::routes())
        .nest("/raft/{cluster}/{id}", raft::routes(app.clone()))
        .route("/metrics", get(metrics::metrics))
        .with_state(app);

    // Send small messages at once: somebody waits for each, and Nagle's algorithm would hold them back.
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}
