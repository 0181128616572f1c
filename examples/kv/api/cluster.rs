//! `/cluster`: shows, forms, grows and shrinks the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Uri};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::{BasicNode, ChangeMembers};
use openraft_toolkit::{
    BootstrapMode, MembershipError, add_learner_checked, bootstrap, change_membership, promote_learner,
};
use tokio::time::timeout;

use super::App;
use super::error::ApiError;
use super::kv::write;
use crate::command::{Command, NEWEST_LEVEL};
use crate::types::{NodeId, TypeConfig};
use crate::view::{ClusterView, NodeView};

/// How long a change of membership may take: a learner may have to fetch the whole log or a snapshot.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many entries a learner may lack when it becomes a voter.
const MAX_LAG: u64 = 1_000;

/// How long a promotion waits for the learner to catch up. The rest of [`PATIENCE`] is for the change itself.
const CATCH_UP: Duration = Duration::from_secs(50);

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(view))
        .route("/init", post(init))
        .route("/learners/{id}", put(put_learner))
        .route("/voters/{id}", put(put_voter))
        .route("/nodes/{id}", delete(delete_node))
        .route("/level", put(put_level))
}

async fn view(State(app): State<App>) -> Json<ClusterView> {
    let metrics = app.raft.metrics().borrow_watched().clone();
    let membership = metrics.membership_config.membership();
    let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    let node = |(id, node): (&NodeId, &BasicNode)| {
        let (addr, voter) = (node.addr.clone(), voters.contains(id));
        (*id, NodeView { addr, voter })
    };
    Json(ClusterView {
        id: metrics.id,
        role: format!("{:?}", metrics.state).to_lowercase(),
        term: metrics.current_term,
        leader: metrics.current_leader,
        last_applied: metrics.last_applied.map(|log_id| log_id.index),
        level: app.level().get(),
        newest_level: NEWEST_LEVEL,
        nodes: membership.nodes().map(node).collect(),
    })
}

/// Forms a new cluster of these nodes, including this one. The other nodes must have been started, and must be
/// blank too.
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

/// Adds a node as a learner, which gets the log but has no vote. The node must have been started. Returns when the
/// learner lacks only a few entries, so that the cluster need not wait for it when it becomes a voter.
async fn put_learner(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<NodeId>,
    addr: String,
) -> Result<StatusCode, ApiError> {
    let node = node(&addr)?;
    let newest = newest_level(&app, id, &node.addr).await?;
    let added = add_learner_checked(&app.raft, id, node, true, app.level(), newest);
    committed(added, &uri).await
}

/// Makes a learner a voter, once the learner has caught up.
async fn put_voter(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<NodeId>,
) -> Result<StatusCode, ApiError> {
    committed(promote_learner(&app.raft, id, MAX_LAG, CATCH_UP), &uri).await
}

/// Removes a node, voter or learner.
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

/// Makes all nodes write at a newer level, if all of them can read it. The level can never be lowered again.
async fn put_level(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    level: String,
) -> Result<StatusCode, ApiError> {
    let level = level
        .trim()
        .parse()
        .map_err(|_| ApiError::BadRequest(format!("expected a level, 1 to 255, got {level:?}")))?;
    let members: BTreeMap<NodeId, BasicNode> = {
        let metrics = app.raft.metrics().borrow_watched().clone();
        let nodes = metrics.membership_config.membership().nodes();
        nodes.map(|(id, node)| (*id, node.clone())).collect()
    };
    for (id, node) in &members {
        let newest = newest_level(&app, *id, &node.addr).await?;
        if newest < level {
            return Err(ApiError::Conflict(format!(
                "node {id} reads up to level {newest}: start a newer release there first"
            )));
        }
    }
    let asked = members.into_keys().collect();
    write(&app, &uri, Command::Raise { level, asked }).await?;
    // This node has applied the command. Every other node that applies it gets the same result.
    if app.level().get() < level {
        return Err(ApiError::Conflict("the members changed meanwhile: try again".into()));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a node for the newest level that its release reads.
async fn newest_level(app: &App, id: NodeId, addr: &str) -> Result<u8, ApiError> {
    let view = app.client.cluster(addr).await;
    let view =
        view.map_err(|error| ApiError::Unavailable(format!("cannot ask node {id} for its release: {error:#}")))?;
    match view.id {
        actual if actual == id => Ok(view.newest_level),
        actual => Err(ApiError::Conflict(format!("at {addr} is node {actual}, not node {id}"))),
    }
}

/// Checks an address before it is written to the membership: a typo there would affect all nodes.
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

/// Waits until a change of membership is committed, and turns its outcome into an answer.
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
