//! Receives raft's messages from other nodes. `network.rs` sends them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use openraft_toolkit::WireMessage;

use super::App;
use super::error::ApiError;
use crate::rpc::{
    Append, AppendReply, InstallSnapshot, InstallSnapshotReply, PreVote, RequestVote, Rpc, TransferLeader,
    TransferLeaderReply, VoteReply,
};
use crate::types::{NodeId, Snapshot};

/// The largest message. A snapshot is sent in one message.
const MAX_MESSAGE: usize = 1 << 30;

pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route(Append::PATH, post(append))
        .route(RequestVote::PATH, post(vote))
        .route(PreVote::PATH, post(pre_vote))
        .route(InstallSnapshot::PATH, post(install_snapshot))
        .route(TransferLeader::PATH, post(transfer_leader))
        .route_layer(middleware::from_fn_with_state(app, check_addressee))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE))
}

/// A request or reply whose body is one frame.
struct Frame<T>(T);

impl<T: WireMessage, S: Send + Sync> FromRequest<S> for Frame<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let message = T::decode(&body).map_err(|error| ApiError::BadRequest(error.to_string()).into_response())?;
        Ok(Self(message))
    }
}

impl<T: WireMessage> IntoResponse for Frame<T> {
    fn into_response(self) -> Response {
        match self.0.encode() {
            Ok(frame) => ([(CONTENT_TYPE, "application/octet-stream")], frame).into_response(),
            Err(error) => ApiError::Unavailable(error.to_string()).into_response(),
        }
    }
}

type Reply<R> = Result<Frame<<R as Rpc>::Reply>, ApiError>;

/// Refuses a message for another node. After a mistake in the membership, or on a reused port, such a message may
/// arrive here. If this node answered it, a vote or an entry would be counted twice.
async fn check_addressee(
    State(app): State<App>,
    Path((cluster, id)): Path<(String, NodeId)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if *cluster != *app.cluster || id != app.id {
        let (own_id, own_cluster) = (app.id, &app.cluster);
        return Err(ApiError::Misdirected(format!(
            "this is node {own_id} of {own_cluster}, not {id} of {cluster}"
        )));
    }
    Ok(next.run(request).await)
}

async fn append(State(app): State<App>, Frame(Append(rpc)): Frame<Append>) -> Reply<Append> {
    Ok(Frame(AppendReply(app.raft.append_entries(rpc).await?)))
}

async fn vote(State(app): State<App>, Frame(RequestVote(rpc)): Frame<RequestVote>) -> Reply<RequestVote> {
    Ok(Frame(VoteReply(app.raft.vote(rpc).await?)))
}

async fn pre_vote(State(app): State<App>, Frame(PreVote(rpc)): Frame<PreVote>) -> Reply<PreVote> {
    Ok(Frame(VoteReply(app.raft.pre_vote(rpc).await?)))
}

async fn install_snapshot(State(app): State<App>, Frame(rpc): Frame<InstallSnapshot>) -> Reply<InstallSnapshot> {
    let snapshot = Snapshot {
        meta: rpc.meta,
        snapshot: rpc.snapshot,
    };
    Ok(Frame(InstallSnapshotReply(
        app.raft.install_full_snapshot(rpc.vote, snapshot).await?,
    )))
}

async fn transfer_leader(
    State(app): State<App>,
    Frame(TransferLeader(rpc)): Frame<TransferLeader>,
) -> Reply<TransferLeader> {
    Ok(Frame(TransferLeaderReply(app.raft.handle_transfer_leader(rpc).await?)))
}
