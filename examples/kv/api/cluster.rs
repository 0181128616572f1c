//! `/cluster`: see, form, grow and shrink it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Uri};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::{BasicNode, ChangeMembers, RaftMetrics};
use openraft_toolkit::{BootstrapMode, MembershipError, add_learner, bootstrap, change_membership};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::App;
use super::error::ApiError;
use crate::types::{NodeId, TypeConfig};

/// How long a membership change may take: a learner has the whole log or a snapshot to fetch.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(view))
        .route("/init", post(init))
        .route("/learners/{id}", put(put_learner))
        .route("/voters/{id}", put(put_voter))
        .route("/nodes/{id}", delete(delete_node))
}

/// The cluster as one node sees it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClusterView {
    pub id: NodeId,
    pub role: String,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub last_applied: Option<u64>,
    pub nodes: BTreeMap<NodeId, NodeView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct NodeView {
    pub addr: String,
    pub voter: bool,
}

impl From<&RaftMetrics<TypeConfig>> for ClusterView {
    fn from(metrics: &RaftMetrics<TypeConfig>) -> Self {
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
        let nodes = membership
            .nodes()
            .map(|(id, node)| {
                (
                    *id,
                    NodeView {
                        addr: node.addr.clone(),
                        voter: voters.contains(id),
                    },
                )
            })
            .collect();
        Self {
            id: metrics.id,
            role: format!("{:?}", metrics.state).to_lowercase(),
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_applied: metrics.last_applied.map(|log_id| log_id.index),
            nodes,
        }
    }
}

async fn view(State(app): State<App>) -> Json<ClusterView> {
    Json(ClusterView::from(&*app.raft.metrics().borrow_watched()))
}

/// Forms a new cluster of these nodes, of which this is one. The others have been started, and
/// are blank too.
async fn init(State(app): State<App>, members: Bytes) -> Result<StatusCode, ApiError> {
    let members: BTreeMap<NodeId, String> = serde_json::from_slice(&members)
        .map_err(|error| ApiError::BadRequest(format!("expected {{\"ID\": \"HOST:PORT\", ...}}: {error}")))?;
    let initial_members = members
        .into_iter()
        .map(|(id, addr)| Ok((id, node(&addr)?)))
        .collect::<Result<_, ApiError>>()?;
    bootstrap(&app.raft, BootstrapMode::Fresh { initial_members }).await?;
    Ok(StatusCode::CREATED)
}

/// Brings a node in: from now on it gets the log, without a vote. Returns when it is not far
/// behind, so that giving it a vote next does not hold the others up.
async fn put_learner(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<NodeId>,
    addr: String,
) -> Result<StatusCode, ApiError> {
    committed(add_learner(&app.raft, id, node(&addr)?, true), &uri).await
}

/// Gives a learner a vote.
async fn put_voter(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<NodeId>,
) -> Result<StatusCode, ApiError> {
    let mut voters = voters(&app);
    voters.insert(id);
    committed(change_membership(&app.raft, voters, true), &uri).await
}

/// Takes a node out, voter or learner.
async fn delete_node(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<NodeId>,
) -> Result<StatusCode, ApiError> {
    let mut voters = voters(&app);
    if voters.remove(&id) {
        return committed(change_membership(&app.raft, voters, false), &uri).await;
    }
    let removal = async {
        app.raft
            .change_membership(ChangeMembers::RemoveNodes([id].into()), false)
            .await
            .map_err(MembershipError::from)
    };
    committed(removal, &uri).await
}

/// An address is for all nodes to use, and stays: a slip of the pen is better found here.
fn node(addr: &str) -> Result<BasicNode, ApiError> {
    match addr.trim().parse::<Authority>() {
        Ok(authority) if authority.port().is_some() => Ok(BasicNode::new(authority)),
        _ => Err(ApiError::BadRequest(format!("expected HOST:PORT, got {addr:?}"))),
    }
}

fn voters(app: &App) -> BTreeSet<NodeId> {
    app.raft
        .metrics()
        .borrow_watched()
        .membership_config
        .membership()
        .voter_ids()
        .collect()
}

async fn committed<T>(
    change: impl Future<Output = Result<T, MembershipError<TypeConfig>>>,
    uri: &Uri,
) -> Result<StatusCode, ApiError> {
    match timeout(PATIENCE, change).await {
        Ok(Ok(_)) => Ok(StatusCode::NO_CONTENT),
        Ok(Err(error)) => Err(ApiError::membership(error, uri)),
        Err(_) => Err(ApiError::Unconfirmed(format!(
            "the change is still under way after {PATIENCE:?}"
        ))),
    }
}
