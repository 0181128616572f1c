//! Why a cluster did not do what a test asked for.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use openraft::ConfigError;
use openraft::alias::NodeIdOf;
use openraft::errors::Fatal;

use crate::RaftTypes;
use crate::lifecycle::{BootstrapError, MembershipError};
use crate::support::error_chain::error_chain;

/// Why a [`Cluster`](super::Cluster) did not do what a test asked for.
///
/// Most messages end with the [report](super::Cluster::report): the metrics of each node, and what the network did.
/// `Debug` shows the message, the report and the causes, so a test that unwraps or returns the error shows all of them.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError<C: RaftTypes> {
    /// The [`config`](super::ClusterBuilder::config) is not valid.
    #[error("the config of the nodes is not valid")]
    Config {
        /// openraft's error.
        source: ConfigError,
    },
    /// The builder names no nodes.
    #[error("the cluster has no nodes; help: name them with `nodes` or `members`")]
    NoNodes,
    /// The stores of a node could not be opened.
    #[error("the stores of node {id} could not be opened")]
    Open {
        /// The node.
        id: NodeIdOf<C>,
        /// The error of the closure that opens stores.
        source: io::Error,
    },
    /// The `Raft` of a node could not start from its stores, or stopped while the cluster started.
    #[error("node {id} has stopped")]
    Fatal {
        /// The node.
        id: NodeIdOf<C>,
        /// openraft's error.
        source: Fatal<C>,
    },
    /// [`bootstrap`](crate::lifecycle::bootstrap) returned an error, for example because it refused the storage of a
    /// node.
    #[error("node {id} did not start")]
    Bootstrap {
        /// The node.
        id: NodeIdOf<C>,
        /// The error of `bootstrap`.
        source: BootstrapError<C>,
    },
    /// The network could not connect a node.
    #[error("node {id} could not be connected to the network")]
    Connect {
        /// The node.
        id: NodeIdOf<C>,
        /// The error of [`connect`](super::ClusterNetwork::connect).
        source: io::Error,
    },
    /// The call needs a running node, but the node does not run. [`restart`](super::Cluster::restart) also returns this
    /// error if there never was a node with this id.
    #[error("node {id} does not run; help: `restart` it, or `add_learner` it if there never was one\n\n{report}")]
    NotRunning {
        /// The node.
        id: NodeIdOf<C>,
        /// The metrics of each node, as text.
        report: String,
    },
    /// The call would start a node, but a node with this id already runs or is starting.
    /// [`add_node`](super::Cluster::add_node) also returns this error if the node exists and is down.
    #[error("there is a node {id} already; help: `stop` or `crash` it, and then `restart` it\n\n{report}")]
    AlreadyThere {
        /// The node.
        id: NodeIdOf<C>,
        /// The metrics of each node, as text.
        report: String,
    },
    /// A wait reached its deadline.
    #[error("not within {deadline:?}: {what}\n\n{report}")]
    Deadline {
        /// The condition that the test waited for.
        what: String,
        /// How long the test waited, by the clock of the runtime.
        deadline: Duration,
        /// The metrics of each node at the deadline, as text.
        report: String,
    },
    /// A membership change failed.
    #[error("the membership was not changed\n\n{report}")]
    Membership {
        /// Why the change failed.
        source: MembershipError<C>,
        /// The metrics of each node, as text.
        report: String,
    },
    /// The network has a [failure](super::ClusterNetwork::failure) with which no test should pass, such as a message
    /// that does not survive [encoding](crate::test_fakes::MemNetwork::encode_messages).
    #[error("{failure}\n\n{report}")]
    Network {
        /// What the network found.
        failure: String,
        /// The metrics of each node, as text.
        report: String,
    },
}

impl<C: RaftTypes> fmt::Debug for ClusterError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        let (message, report) = text.split_once("\n\n").unwrap_or((&text, ""));
        f.write_str(message)?;
        if let Some(source) = self.source() {
            write!(f, ": {}", error_chain(source))?;
        }
        match report {
            "" => Ok(()),
            report => write!(f, "\n\n{report}"),
        }
    }
}
