//! Every way in which a request can fail, and what the client should do about it.

use axum::Json;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use openraft_toolkit::openraft::BasicNode;
use openraft_toolkit::openraft::errors::{Fatal, ForwardToLeader, LinearizableReadError, RaftError};
use openraft_toolkit::{BootstrapError, CodecError, MembershipError, ProposeError};
use serde_json::json;

use crate::types::{NodeId, TypeConfig};

pub enum ApiError {
    BadRequest(String),
    NotFound(String),
    Conflict(String),
    /// The message is for another node.
    Misdirected(String),
    /// The request must be repeated at the leader.
    Leader {
        id: NodeId,
        location: String,
    },
    /// Nothing was done. Another try may succeed, at this node or at another node.
    Unavailable(String),
    /// The request may have been done, or may still be done. Only a read can tell.
    Unconfirmed(String),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message),
            Self::Conflict(message) => (StatusCode::CONFLICT, message),
            Self::Misdirected(message) => (StatusCode::MISDIRECTED_REQUEST, message),
            Self::Unconfirmed(message) => (StatusCode::GATEWAY_TIMEOUT, message),
            Self::Leader { id, location } => {
                let body = Json(json!({ "error": format!("node {id} is the leader"), "location": location }));
                return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)], body).into_response();
            }
            Self::Unavailable(message) => {
                let body = Json(json!({ "error": message }));
                return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], body).into_response();
            }
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}

impl ApiError {
    /// Redirects to `uri` at the leader, if one is known.
    fn at_leader(leader: Option<(NodeId, BasicNode)>, uri: &Uri) -> Self {
        match leader {
            Some((id, node)) => Self::Leader {
                id,
                location: format!("http://{}{uri}", node.addr),
            },
            None => Self::Unavailable("no leader is known: an election is under way, or a majority is down".into()),
        }
    }

    fn forward(forward: ForwardToLeader<TypeConfig>, uri: &Uri) -> Self {
        Self::at_leader(forward.leader_id.zip(forward.leader_node), uri)
    }

    pub fn read(error: RaftError<TypeConfig, LinearizableReadError<TypeConfig>>, uri: &Uri) -> Self {
        match error {
            RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)) => Self::forward(forward, uri),
            RaftError::APIError(LinearizableReadError::QuorumNotEnough(error)) => Self::Unavailable(error.to_string()),
            RaftError::Fatal(fatal) => fatal.into(),
        }
    }

    pub fn write(error: ProposeError<TypeConfig>, uri: &Uri) -> Self {
        match error {
            ProposeError::Unencodable {
                source: error @ CodecError::NotRepresentable { .. },
            } => Self::Conflict(format!("{error}, which is the level of the cluster: raise it first")),
            ProposeError::Unencodable { source } => Self::BadRequest(source.to_string()),
            error @ ProposeError::TooLarge { .. } => Self::BadRequest(error.to_string()),
            ProposeError::NotLeader { source, .. } => Self::forward(source, uri),
            // The entry is in the log, but this node does not know whether a majority has it.
            error => Self::Unconfirmed(error.to_string()),
        }
    }

    pub fn membership(error: MembershipError<TypeConfig>, uri: &Uri) -> Self {
        match error {
            MembershipError::NotLeader { leader, .. } => Self::at_leader(leader, uri),
            MembershipError::OutcomeUnknown { .. } | MembershipError::Fatal { .. } => {
                Self::Unconfirmed(error.to_string())
            }
            error => Self::Conflict(error.to_string()),
        }
    }
}

impl From<BootstrapError<TypeConfig>> for ApiError {
    fn from(error: BootstrapError<TypeConfig>) -> Self {
        match error {
            BootstrapError::UnexpectedExistingState => Self::Conflict("this node already belongs to a cluster".into()),
            BootstrapError::Fatal { source } => source.into(),
            error => Self::BadRequest(error.to_string()),
        }
    }
}

impl From<Fatal<TypeConfig>> for ApiError {
    fn from(fatal: Fatal<TypeConfig>) -> Self {
        Self::Unavailable(fatal.to_string())
    }
}

/// Converts the error of another node's raft message.
impl From<RaftError<TypeConfig>> for ApiError {
    fn from(error: RaftError<TypeConfig>) -> Self {
        Self::Unavailable(error.to_string())
    }
}
